"""The subsets of a split: training, validation and test set."""

import re

# In this order everywhere.
SUBSETS = ("train", "val", "test")

# How people write them, in folder names and in catalogues: the words of Hugging Face's datasets
# (https://huggingface.co/docs/hub/datasets-file-names-and-splits).
SUBSET_WORDS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
    "testing": "test",
    "eval": "test",
    "evaluation": "test",
}

# What is written together with such a word: trainset, TestImages, val2017.
_PARTS = re.compile("(?<=[a-z])(?=[A-Z])|[^A-Za-z]+")
_ENDINGS = re.compile("(?<=.)(set|data|dataset|images?|imgs?|files?)$")


def subset_of(name: str) -> str | None:
    """Return the one subset that the words of a name tell, if any.

    A training set with the validation set still in it is a training set.

    >>> [subset_of(each) for each in ("seg_train", "TestImages", "valset", "train+dev")]
    ['train', 'test', 'val', 'train']
    >>> [subset_of(each) for each in ("spiral", "trainer", "train_test")]
    [None, None, None]
    """
    words = [_ENDINGS.sub("", each.lower()) for each in _PARTS.split(name)]
    found = {SUBSET_WORDS[word] for word in words if word in SUBSET_WORDS}
    if found == {"train", "val"} or "trainval" in words:
        return "train"
    return found.pop() if len(found) == 1 else None
