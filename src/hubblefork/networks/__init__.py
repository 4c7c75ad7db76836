"""Networks by name: `create_network(name, input_shape, outputs)`, and the model file they live in."""
