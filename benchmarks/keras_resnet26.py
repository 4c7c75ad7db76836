"""A residual network of 26 layers in Keras; `time_to_accuracy.py` runs this script.

python benchmarks/keras_resnet26.py IMAGES.npz SIZE ACCURACY SECONDS

in an environment with Keras 3 and TensorFlow, after Zhu et al. 2019: four stages of two bottleneck
blocks with dropout, stochastic gradient descent at 0.1 with Nesterov's momentum and weight decay,
batches of 128, random rotations by multiples of 90 degrees, flips and crops of SIZE pixels. The
learning rate is divided by 10 after half of the time, and again after three quarters of it.
Training ends when the accuracy on the validation set has reached ACCURACY, or after the epoch in
which SECONDS have passed. Prints one line of JSON.
"""

import json
import os
import sys
import time
from collections.abc import Iterator

os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
import numpy as np
from keras import layers

BATCH = 128
RATE = 0.1
WEIGHT_DECAY = 1e-4


def resnet26(side: int, channels: int, outputs: int) -> keras.Model:
    images = keras.Input((side, side, channels))
    maps = normalised(convolution(images, 64, 3))
    for stage, width in enumerate((64, 128, 256, 512)):
        for block in range(2):
            maps = bottleneck(maps, width, 2 if stage and not block else 1)
    means = layers.GlobalAveragePooling2D()(maps)
    return keras.Model(images, layers.Dense(outputs, activation="softmax")(means))


def bottleneck(maps: keras.KerasTensor, width: int, stride: int) -> keras.KerasTensor:
    short_cut = maps
    if stride > 1 or maps.shape[-1] != 4 * width:
        short_cut = layers.BatchNormalization()(convolution(maps, 4 * width, 1, stride))
    maps = normalised(convolution(maps, width, 1, stride))
    maps = layers.Dropout(0.2)(normalised(convolution(maps, width, 3)))
    maps = layers.BatchNormalization()(convolution(maps, 4 * width, 1))
    return layers.ReLU()(layers.Add()([maps, short_cut]))


def convolution(maps: keras.KerasTensor, width: int, side: int, stride: int = 1):
    return layers.Conv2D(
        width,
        side,
        stride,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        kernel_regularizer=keras.regularizers.L2(WEIGHT_DECAY),
    )(maps)


def normalised(maps: keras.KerasTensor) -> keras.KerasTensor:
    return layers.ReLU()(layers.BatchNormalization()(maps))


def batches(
    images: np.ndarray, labels: np.ndarray, side: int, seed: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield one epoch of images in [0, 1], rotated, flipped and cropped at random."""
    random = np.random.default_rng(seed)
    margin = images.shape[1] - side
    order = random.permutation(len(images))
    for start in range(0, len(order) - BATCH + 1, BATCH):
        rows = order[start : start + BATCH]
        seen = np.empty((BATCH, side, side, images.shape[3]), np.float32)
        for place, row in enumerate(rows):
            top, left = random.integers(0, margin + 1, 2)
            cut = np.rot90(images[row, top : top + side, left : left + side], random.integers(4))
            seen[place] = cut[:, ::-1] if random.integers(2) else cut
        yield seen / 255, labels[rows]


def accuracy(network: keras.Model, images: np.ndarray, labels: np.ndarray, side: int) -> float:
    low = (images.shape[1] - side) // 2
    middles = images[:, low : low + side, low : low + side].astype(np.float32) / 255
    return float((network.predict(middles, BATCH, verbose=0).argmax(1) == labels).mean())


def main(images: str, size: str, goal: str, limit: str) -> None:
    data = dict(np.load(images))
    side = int(size)
    arrays, labels = data["train"], data["train_labels"]
    network = resnet26(side, arrays.shape[3], int(labels.max()) + 1)
    optimiser = keras.optimizers.SGD(RATE, momentum=0.9, nesterov=True)
    network.compile(optimiser, "sparse_categorical_crossentropy")
    began = time.perf_counter()
    epochs, reached, passed = 0, 0.0, 0.0
    while passed < float(limit) and reached < float(goal):
        for batch in batches(arrays, labels, side, epochs):
            passed = time.perf_counter() - began
            done = passed / float(limit)
            optimiser.learning_rate = RATE * (1 if done < 0.5 else 0.1 if done < 0.75 else 0.01)
            network.train_on_batch(*batch)
        epochs += 1
        reached = accuracy(network, data["val"], data["val_labels"], side)
        passed = time.perf_counter() - began
    result = {
        "seconds": passed,
        "epochs": epochs,
        "val_accuracy": reached,
        "test_accuracy": accuracy(network, data["test"], data["test_labels"], side),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
