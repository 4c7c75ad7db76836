"""The workbench: images in a browser on this machine, looked at and labelled, without a network.

`server.py` binds and runs; `security.py` decides who may ask; `app.py` answers; `data.py` has the
images and what is known of each; `questions.py` what can be answered; `store.py` the labels.
`look.py` and `why.py` are for the page of one image, `uploads.py` and `decoding.py` for images from
elsewhere; `map.py` and `map_colours.py` are for the map.
"""
