"""The Textual app that `qa` without a command opens. Imports nothing here, so that importing a part stays cheap."""
