"""The guided first visit: six steps across the pages, from the first table to a written text."""
