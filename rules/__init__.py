"""The rules that come with modellint: one a file, found like any other plugin's."""
