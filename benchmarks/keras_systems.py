"""Three published networks in Keras; `training_speed.py` runs this script.

python benchmarks/keras_systems.py NETWORK IMAGES.npz EPOCHS BATCH_SIZE

in an environment with Keras 3 and TensorFlow. Prints one line of JSON: the number of trainable
parameters, the number of images, and the duration of each epoch in seconds.
"""

import json
import os
import sys
import time

os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
import numpy as np
from keras import layers


def lenet5(outputs: int) -> list[layers.Layer]:
    return [
        layers.Conv2D(6, 5, activation="tanh"),
        layers.AveragePooling2D(2),
        layers.Conv2D(16, 5, activation="tanh"),
        layers.AveragePooling2D(2),
        layers.Flatten(),
        layers.Dense(120, activation="tanh"),
        layers.Dense(84, activation="tanh"),
        layers.Dense(outputs, activation="softmax"),
    ]


def simple_cnn(outputs: int) -> list[layers.Layer]:
    return [
        layers.Conv2D(32, 3, activation="relu"),
        layers.Conv2D(64, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Dropout(0.25),
        layers.Flatten(),
        layers.Dense(128, activation="relu"),
        layers.Dropout(0.5),
        layers.Dense(outputs, activation="softmax"),
    ]


def alexnet(outputs: int) -> list[layers.Layer]:
    return [
        layers.Conv2D(96, 11, strides=4, activation="relu"),
        layers.BatchNormalization(),
        layers.MaxPooling2D(3, strides=2),
        layers.Conv2D(256, 5, padding="same", activation="relu"),
        layers.BatchNormalization(),
        layers.MaxPooling2D(3, strides=2),
        layers.Conv2D(384, 3, padding="same", activation="relu"),
        layers.BatchNormalization(),
        layers.Conv2D(384, 3, padding="same", activation="relu"),
        layers.BatchNormalization(),
        layers.Conv2D(256, 3, padding="same", activation="relu"),
        layers.BatchNormalization(),
        layers.MaxPooling2D(3, strides=2),
        layers.Flatten(),
        layers.Dense(4096, activation="relu"),
        layers.Dropout(0.5),
        layers.Dense(outputs, activation="softmax"),
    ]


NETWORKS = {"lenet5": lenet5, "simple-cnn": simple_cnn, "alexnet": alexnet}


class Clock(keras.callbacks.Callback):
    """Measures the duration of each epoch, in seconds."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
        self.began = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        self.seconds.append(time.perf_counter() - self.began)


def main(name: str, images: str, epochs: str, batch_size: str) -> None:
    data = np.load(images)
    arrays = data["images"].astype(np.float32) / 255
    labels = data["labels"]
    outputs = 10
    network = keras.Sequential([keras.Input(arrays.shape[1:]), *NETWORKS[name](outputs)])
    network.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    clock = Clock()
    network.fit(arrays, labels, int(batch_size), epochs=int(epochs), verbose=0, callbacks=[clock])
    trainable = sum(int(np.prod(each.shape)) for each in network.trainable_weights)
    result = {"parameters": trainable, "images": len(arrays), "seconds": clock.seconds}
    print(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
