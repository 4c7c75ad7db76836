"""From a model file to answers: for arrays, for picture files, for folders of them."""
