from tinygpt.model import GPT, GPTConfig
