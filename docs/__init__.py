"""The documentation: Markdown pages, and the program that makes a site of them."""
