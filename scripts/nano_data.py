"""Training examples for the embedded models: question, numbered passages, answer with its `[n]`.

Real questions come from a folder in the form of `passages.jsonl` and `questions.jsonl`; the rest is
made here from the sentences of the same passages and from `nano_tourism`. Only the `train` split of
the folder is ever read.
"""

from __future__ import annotations

import json
import random
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from nano_tourism import facts, product_name

from aion.answer.prompt import rag_context, rag_prompt, with_context
from aion.rag.sentences import split_sentences

_WORD = re.compile(r"\w+(?:[-']\w+)*")
_QUESTION_WORDS = (
    "Qual Quais Quando Quem Onde Como Quanto Quantos Quantas Por-que O-que Em-que-ano De-que Que Para-que "
    "Com-quem Em-qual Qual-foi Quem-foi O-que-é Onde-fica Como-se-chama Fale-sobre Explique Diga-me Me-fale-de"
).split()


def fold(word: str) -> str:
    """Lower case, no accents, cut to six letters: a crude stem, good enough to find shared words."""
    plain = unicodedata.normalize("NFKD", word.lower())
    return "".join(c for c in plain if not unicodedata.combining(c))[:6]


def words(text: str) -> list[str]:
    return _WORD.findall(text)


def unaccent(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


@dataclass(frozen=True)
class Article:
    title: str
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class Question:
    text: str
    article: int
    sentence: int


class Corpus:
    """The train split: articles as sentences, real questions with the sentence that answers each."""

    def __init__(self, folder: Path, split: str = "train") -> None:
        rows = [json.loads(line) for line in (folder / "passages.jsonl").open(encoding="utf-8")]
        rows = [r for r in rows if r.get("split") == split]
        self.ids = [r["id"] for r in rows]
        position = {key: i for i, key in enumerate(self.ids)}
        self.articles = [Article(r["title"], tuple(split_sentences(r["text"]))) for r in rows]
        self.idf = self._idf()
        self.neighbours = self._neighbours()
        self.questions: list[Question] = []
        for line in (folder / "questions.jsonl").open(encoding="utf-8"):
            row = json.loads(line)
            if row.get("split") == split and row["passage"] in position:
                article = position[row["passage"]]
                best = self._answer_sentence(row["question"], row["answers"], article)
                if best is not None:
                    self.questions.append(Question(row["question"], article, best))

    def _idf(self) -> dict[str, float]:
        seen: Counter[str] = Counter()
        for article in self.articles:
            seen.update({fold(w) for s in article.sentences for w in words(s)})
        total = len(self.articles)
        return {w: float(np.log((total + 1) / (n + 0.5))) for w, n in seen.items()}

    def weight(self, word: str) -> float:
        return self.idf.get(fold(word), 6.0)

    def _neighbours(self) -> np.ndarray:
        """The 24 passages most alike each passage (tf-idf cosine), for hard distractors."""
        index = {w: i for i, w in enumerate(self.idf)}
        matrix = np.zeros((len(self.articles), len(index)), np.float32)
        for row, article in enumerate(self.articles):
            for word, n in Counter(fold(w) for s in article.sentences for w in words(s)).items():
                matrix[row, index[word]] = (1 + np.log(n)) * max(self.idf[word], 0)
        matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
        likeness = matrix @ matrix.T
        np.fill_diagonal(likeness, -1)
        return np.argsort(-likeness, axis=1)[:, :24]

    def _answer_sentence(self, question: str, answers: list[str], article: int) -> int | None:
        """The sentence with the answer span, else the one that shares most (idf) with the question."""
        asked = {fold(w) for w in words(question)}
        best, best_score = None, 2.0
        for i, sentence in enumerate(self.articles[article].sentences):
            shared = {fold(w) for w in words(sentence)} & asked
            score = sum(max(self.idf.get(w, 0), 0) for w in shared)
            if any(a.strip(" .") in sentence for a in answers if len(a) > 1):
                score += 6
            if score > best_score:
                best, best_score = i, score
        return best


@dataclass(frozen=True)
class Example:
    prompt: str
    answer: str


class Maker:
    """Draws examples. `n_passages` and the window sizes grow with the curriculum."""

    def __init__(self, corpus: Corpus, seed: int) -> None:
        self.corpus = corpus
        self.rng = random.Random(seed)
        self.instructed = 1.0

    def example(
        self, max_passages: int, instructed: float = 1.0, real_share: float = 0.4, tourism_share: float = 0.25
    ) -> Example:
        """One example; a share `instructed` of them carries the RAG instructions, the rest only the question."""
        self.instructed = instructed
        draw = self.rng.random()
        n = self.rng.randint(1, max_passages)
        if draw < tourism_share:
            return self._tourism(n)
        if draw < tourism_share + real_share:
            q = self.rng.choice(self.corpus.questions)
            return self._article_example(q.text, q.article, q.sentence, n)
        article = self.rng.randrange(len(self.corpus.articles))
        sentences = self.corpus.articles[article].sentences
        index = self.rng.randrange(len(sentences))
        title = self.corpus.articles[article].title
        return self._article_example(self.made_question(sentences[index], title), article, index, n)

    def made_question(self, sentence: str, title: str) -> str:
        """A question from the words of its sentence: keywords, a span, or the sentence's beginning."""
        rng, all_words = self.rng, words(sentence)
        kind = rng.random()
        if kind < 0.5 or len(all_words) < 5:
            content = [w for w in all_words if self.corpus.weight(w) > 2.0] or all_words
            weights = [self.corpus.weight(w) for w in content]
            chosen = set(rng.choices(range(len(content)), weights=weights, k=rng.randint(2, 6)))
            picked = [content[i] for i in sorted(chosen)]
            if rng.random() < 0.4:
                rng.shuffle(picked)
            body = " ".join(self._bend(w) for w in picked)
        elif kind < 0.85:
            length = rng.randint(3, min(10, len(all_words) - 1))
            start = rng.randint(0, len(all_words) - length)
            body = " ".join(all_words[start : start + length])
        else:
            body = " ".join(all_words[: rng.randint(3, 8)])
        if rng.random() < 0.2:
            body = f"{body} {rng.choice(['em', 'de', 'no', 'sobre'])} {title}"
        if rng.random() < 0.75:
            body = rng.choice(_QUESTION_WORDS).replace("-", " ") + " " + body
        return self._noise(body + ("?" if rng.random() < 0.8 else ""))

    def _bend(self, word: str) -> str:
        """Another ending now and then, so that stems and not whole words are matched."""
        if len(word) > 5 and word.islower() and self.rng.random() < 0.25:
            return word[:-1] + self.rng.choice(["", "s", "o", "a", "os", "as", "ar", "m"])
        return word

    def _noise(self, question: str) -> str:
        if self.rng.random() < 0.15:
            question = question.lower()
        if self.rng.random() < 0.1:
            question = unaccent(question)
        return question

    def _window(self, article: int, sentence: int | None) -> list[str]:
        """A few sentences in a row (with `sentence` among them), 20 to 130 words."""
        sentences = self.corpus.articles[article].sentences
        size = self.rng.choice([1, 2, 2, 3, 3, 4, 5])
        if sentence is None:
            sentence = self.rng.randrange(len(sentences))
        start = max(0, sentence - self.rng.randint(0, size - 1))
        window = list(sentences[start : start + size])
        while len(window) > 1 and sum(len(s.split()) for s in window) > 130:
            window.remove(next(s for s in reversed(window) if s != sentences[sentence]))
        return window

    def _passage(self, title: str, body: str) -> str:
        return f"{title}\n{body}" if self.rng.random() < 0.75 else body

    def _article_example(self, question: str, article: int, sentence: int, n: int) -> Example:
        corpus, rng = self.corpus, self.rng
        target = corpus.articles[article].sentences[sentence]
        gold = self._passage(corpus.articles[article].title, " ".join(self._window(article, sentence)))
        others: list[str] = []
        pool = list(corpus.neighbours[article][: rng.choice([6, 12, 24])])
        while len(others) < n - 1:
            other = int(rng.choice(pool)) if rng.random() < 0.7 else rng.randrange(len(corpus.articles))
            text = " ".join(self._window(other, None))
            if other != article and target not in text:
                others.append(self._passage(corpus.articles[other].title, text))
        place = self._place(n)
        passages = [*others[:place], gold, *others[place:]]
        return Example(self._prompt(question, passages), f"{target} [{place + 1}]")

    def _place(self, n: int) -> int:
        """Where the right passage stands: even in half the draws, else first as a retriever would."""
        if self.rng.random() < 0.5:
            return self.rng.randrange(n)
        place = 0
        while place < n - 1 and self.rng.random() > 0.6:
            place += 1
        return place

    def _tourism(self, n: int) -> Example:
        rng = self.rng
        names = [product_name(rng)]
        while len(names) < max(2, n):
            name = product_name(rng)
            names.append(name if name not in names else f"{name} {len(names)}")
        documents = [facts(rng, name) for name in names]
        passages: list[tuple[int, str, list[int]]] = []
        for k in range(n):
            size = rng.randint(1, 5)
            owner = k if rng.random() < 0.6 else 0
            first = rng.randrange(len(documents[owner]) - size + 1)
            chosen = list(range(first, first + size))
            passages.append((owner, self._tourism_text(names[owner], documents[owner], chosen), chosen))
        if n > 1 and rng.random() < 0.2:
            return self._comparison(names, documents, passages)
        place = self._place(n)
        owner, _, chosen = passages[place]
        fact = documents[owner][rng.choice(chosen)]
        if sum(fact.text in text for _, text, _ in passages) > 1:
            place = next(i for i, (_, text, _) in enumerate(passages) if fact.text in text)
        question = self._noise(rng.choice(fact.questions))
        return Example(self._prompt(question, [t for _, t, _ in passages]), f"{fact.text} [{place + 1}]")

    def _tourism_text(self, name: str, document: list, chosen: list[int]) -> str:
        rng = self.rng
        heading = f"{name[0].upper()}{name[1:]}"
        if rng.random() < 0.6:
            heading += f" › {document[chosen[0]].heading}"
        if rng.random() < 0.3:
            return heading + "\n" + "\n".join(f"- {document[i].text}" for i in chosen)
        return heading + "\n" + " ".join(document[i].text for i in chosen)

    def _comparison(self, names: list[str], documents: list, passages: list) -> Example:
        """Two things compared: a sentence of each, each with its number."""
        rng = self.rng
        owners = {owner: index for index, (owner, _, _) in enumerate(passages)}
        if len(owners) < 2:
            passages = [(0, passages[0][1], passages[0][2]), *passages[1:]]
            owners = {0: 0, 1: len(passages) - 1}
            chosen = [rng.randrange(len(documents[1]))]
            passages[-1] = (1, self._tourism_text(names[1], documents[1], chosen), chosen)
        i, j = sorted(owners[k] for k in rng.sample(sorted(owners), 2))
        (a, _, of_a), (b, _, of_b) = passages[i], passages[j]
        form = rng.choice(
            ["Qual a diferença entre o {a} e o {b}?", "Explique a diferença entre o {a} e o {b}",
             "Compare o {a} com o {b}.", "Que diferença há entre o {a} e o {b} em {p}?",
             "{a} ou {b}: o que muda?", "Explique a diferença entre o {a} e o {b} em {p}"]
        )  # fmt: skip
        question = form.format(a=names[a], b=names[b], p=rng.choice(["Sintra", "Lisboa", "Évora"]))
        first, second = documents[a][of_a[0]].text, documents[b][of_b[0]].text
        answer = f"{first} [{i + 1}] {second} [{j + 1}]"
        return Example(self._prompt(self._noise(question), [t for _, t, _ in passages]), answer)

    def _prompt(self, question: str, passages: list[str]) -> str:
        prompt = rag_prompt(question) if self.rng.random() < self.instructed else question
        return with_context(prompt, rag_context(passages))


def copy_text(rng: random.Random, corpus: Corpus) -> str:
    """8 to 24 words of one sentence, half of the time shuffled: the first lesson is copying."""
    sentences = rng.choice(corpus.articles).sentences
    chosen = rng.choice(sentences).split()[: rng.randint(8, 24)]
    if rng.random() < 0.5:
        rng.shuffle(chosen)
    return " ".join(chosen)
