"""Models that answer elsewhere, behind the HTTP of OpenAI. The only room that imports openai."""
