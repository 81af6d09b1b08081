"""The Textual app: what `qa` without a command shows. Imports nothing here, so that importing a part stays cheap."""
