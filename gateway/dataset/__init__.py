"""Data sets of this machine: declared files read into normalised columns, in memory only.

Adapter of DatasetPort. No message of this package holds a value of a row or more
of a path than the file's name.
"""

from gateway.dataset.dataset import Datasets
from gateway.dataset.declaration import Declaration

__all__ = ["Datasets", "Declaration"]
