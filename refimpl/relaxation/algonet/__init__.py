"""AlgoNets: networks with smooth versions of classic algorithms inside.

`while_programs`: the smooth WHILE language, by which any program can be made smooth; `smooth`:
sorting, maximum, median and iteration; `renderer`: triangles to images; `networks`: the two ways to
put an algorithm into a network.

Source: Petersen, Borgelt, Deussen, "AlgoNet: C-infinity Smooth Algorithmic Neural Networks", 2019
(arXiv 1905.06886). No code of it was published; what its text does not define is said to be ours.
"""
