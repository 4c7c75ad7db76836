"""What a label means, and the answers that a model gives: `Classes`, `Votes`, `Predictions`."""
