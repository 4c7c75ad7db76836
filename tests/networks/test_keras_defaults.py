"""What is taken over from Keras gives what Keras gives."""

import torch

from hubblefork.networks.keras_defaults import FlattenLikeKeras, batch_norm


def test_maps_are_flattened_pixel_by_pixel_and_nothing_is_copied_in_channels_last_memory():
    maps = torch.arange(24.0).reshape(1, 2, 3, 4)
    by_hand = [maps[0, channel, row, column] for row in range(3) for column in range(4)
               for channel in range(2)]  # fmt: skip
    assert FlattenLikeKeras()(maps).tolist() == [[float(value) for value in by_hand]]
    last = maps.contiguous(memory_format=torch.channels_last)
    assert FlattenLikeKeras()(last).data_ptr() == last.data_ptr()


def test_a_running_mean_moves_by_a_hundredth_a_step():
    layer = batch_norm(2)
    layer(torch.full((4, 2, 3, 3), 5.0))
    torch.testing.assert_close(layer.running_mean, torch.full((2,), 0.05))
