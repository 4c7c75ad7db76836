"""From a model file to answers: for arrays, for image files, for folders of them."""
