"""The meaning of labels, and the predictions of a model: `Classes`, `Votes`, `Predictions`."""
