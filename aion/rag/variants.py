"""Words that Brazil and Portugal have for one thing: a question in one finds documents of the other.

Only words that mean nothing else are listed, each written as its people write it. Knows no index.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from aion.rag.stem import stems

_GROUPS = """
    ônibus autocarro
    trem comboio
    bonde eléctrico elétrico
    caminhão camião
    van carrinha
    pedágio portagem
    carona boleia
    rodovia autoestrada
    pedestre peão
    celular telemóvel
    tela ecrã
    usuário utilizador
    arquivo ficheiro
    senha palavra-passe
    cachorro cachorros cão cães pet pets
    geladeira frigorífico
    sorvete gelado
    suco sumo
    xícara chávena
    cardápio ementa
    açougue talho
    lavanderia lavandaria
    aluguel aluguer
    ingresso ingressos bilhete bilhetes
    recepção receção
    recepcionista rececionista
    contato contacto
    registro registo
    equipe equipa
    esporte desporto
    gramado relvado
    câncer cancro
    aids sida
    planejar planear
    planejamento planeamento
    aeromoça hospedeira
    goleiro guarda-redes
    torcida claque
    grampeador agrafador
"""


@cache
def _variants() -> dict[str, frozenset[str]]:
    """A Portuguese stem to those of the same thing, its own among them."""
    found: dict[str, frozenset[str]] = {}
    for line in _GROUPS.strip().splitlines():
        # Of a hyphenated word only the whole, which is the last of its stems.
        group = frozenset(stems(word)[-1] for word in line.split())
        for stem in group:
            found[stem] = group | found.get(stem, frozenset())
    return found


def wanted_stems(question: str, languages: Iterable[str]) -> list[str]:
    """The distinct stems of a question in all of `languages`, in order, and in Portuguese those of the words
    that mean the same across the ocean."""
    found: dict[str, None] = {}
    for language in dict.fromkeys(languages):
        for stem in stems(question, language):
            found[stem] = None
            if language != "en":
                found.update(dict.fromkeys(sorted(_variants().get(stem, ()))))
    return list(found)
