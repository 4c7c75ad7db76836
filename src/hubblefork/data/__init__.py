"""Images and labels become a packed, memory-mapped dataset with a saved split.

`sources` reads what the user has, `packing` decodes it once into the cache, `dataset` opens the
result, `splits` divides it into training, validation and test set.
"""
