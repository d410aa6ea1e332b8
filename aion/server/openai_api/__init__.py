"""OpenAI's interface: chat, completions, responses, embeddings, rerankings, models."""
