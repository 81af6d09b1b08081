"""Tests of the app: each state as a picture, each promise with the pilot, the whole in a real terminal."""
