"""A survey: a catalogue of any length, classified shard by shard, each row exactly once.

    DIR/plan.json               what is to be done, and the hash of it
        model.safetensors       a copy of the model
        rows/00000.parquet      the rows of each shard with their columns
        shards/00000-HASH.parquet   the answers for them, once they are known
        failures/               why a shard could not be done
        manifest.json           proof that all is there, when it is finished
        unreadable.parquet      the rows without a prediction, and why

A shard is done when its file has its final name and the hash of the plan in it. The name follows
from the plan alone, and so do the rows: whoever does a shard again replaces it by the same.
"""
