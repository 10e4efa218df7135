"""What a notebook's kernel loads: the cell magic that lints the models of a cell.

`%load_ext modellint` leads to `modellint.kernel.magic`. The only room that imports IPython. A
kernel keeps nothing of a run: no name, no changed module, no file.
"""
