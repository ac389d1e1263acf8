"""Images as pictures: stretched, in levels and tiles, with overlays of their masks; cutouts and thumbnails.

`store.Pictures` is what pages and the API call.
"""
