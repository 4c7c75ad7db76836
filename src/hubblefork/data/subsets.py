"""The subsets of a split: training, validation and test set."""

# In this order everywhere.
SUBSETS = ("train", "val", "test")

# How people write them, in folder names and in catalogues.
SUBSET_WORDS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
