class TextTransform:
    """Maps characters to integers and vice versa"""

    def __init__(self):
        self.char_map = {c: i for i, c in enumerate("' abcdefghijklmnopqrstuvwxyz")}

    def text_to_int(self, text):
        return [self.char_map[c] for c in text]

    def blank(self):
        return len(self.char_map)
