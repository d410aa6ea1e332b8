"""Words beside a number that say what it is: "CPF n.º", "passaporte dela:", "pedido". Knows no numbers."""

from __future__ import annotations

import re

_BETWEEN = (
    r"n[uú]meros?|number|num|n|nr|no|o|os|a|do|da|de|of|is|é|eh|e|era|meu|minha|my|seu|sua|your|his|her|dele"
    r"|dela"
    r"|titular|h[oó]spede|cliente|condutor|motorista|respons[aá]vel|passageir[oa]|m[aã]e|pai|marido|esposa"
    r"|filh[oa]"
    r"|brasileir[oa]|portugu[eê]s|portuguesa|estrangeir[oa]|v[aá]lido|atual|novo|nova|com|para|pra|ser|será"
    r"|foi"
    r"|guia|grupo|acompanhante|colaborador|funcion[aá]ri[oa]|trabalhador|empregad[oa]|benefici[aá]ri[oa]"
    r"|comprador|utente"
    r"|eleitor|eleitoral|pessoal|completo|registro|registo|cadastrado|the|client|guest|holder"
)
_SIGNS = r"[ \n:.,;#ºª°=()'\"*|>-]"
CONNECT = rf"(?:{_SIGNS}{{0,3}}(?:{_BETWEEN})(?:(?=[ºª°])|(?![^\W_]))){{0,5}}{_SIGNS}{{0,4}}"

# of a number that no word names: it is not a piece of another one. Asks for the digit first, which is quick
START = r"(?=\d)(?:(?<![^\W_])|(?<=[^\W\d_]{3}))(?<!\d[.,/:-])(?<!\d[.,] )"
END = r"(?!\d)(?![.,/:-]\d)"

_PHONE = (
    r"tel|tel[eé]f|telefones?|telefon[ea]r?|fones?|fixo|telem[oó]ve(?:l|is)|tlm|tlf|celular(?:es)?|cel"
    r"|whats(?:app)?|wpp|zap|zapp|liga(?:r|ndo|-me|ram)?|ligue(?:m|-me)?|contac?tos?|contac?te|contac?tar"
    r"|chama(?:r|-me)?|chame|ramal|sms|phone|mobile|cell|call|ring|text|contact|fax|pix|recado|disque"
    r"|meu n[uú]mero|minha linha|my number|falar com|atendimento|central|linha|apoio|mb ?way|emerg[eê]ncias?"
    r"|atende"
)
_OTHER = (
    r"pedidos?|encomenda|reservas?|protocolo|c[oó]digos?|order|booking|confirmation|confirma[cç][aã]o"
    r"|localizador"
    r"|refer[eê]ncia|ref|reference|nota|nf-?e|fatura|factura|recibo|processo|s[eé]rie|serial|sku|bytes"
    r"|voucher|bilhetes?"
    r"|contrato|ap[oó]lice|conta|isbn|ean|boleto|ticket|invoice|rastreio|rastreamento|tracking"
    r"|transa[cç][aã]o"
    r"|popula[cç][aã]o|valor|total|lote|cota|id|item|artigo|lei|decreto|licen[cç]a|rnt|rnavt|cadastur"
    r"|alvar[aá]"
    r"|latitude|longitude|coordenadas|gps|vers[aã]o|version|build|nib|inscri[cç][aã]o|matr[ií]cula|chave"
    r"|promo|cupom|cup[aã]o|desconto"
    r"|cpf|cnpj|nif|niss|cart[aã]o|card|passaporte|passport|c[oó]d|entidade"
)
_SUBJECT = re.compile(
    rf"(?<![^\W\d_])(?:({_PHONE})|({_OTHER}))(?![^\W\d_])|(tel|fone|whats|zap|cel)\Z", re.IGNORECASE
)
_WINDOW = 48
_UNIT = re.compile(
    r" ?(?:€|%|euros?\b|reais\b|eur\b|brl\b|usd\b|r\$|d[oó]lares|km|m[²2³3]?\b|metros|hectares|habitantes"
    r"|inhabitants"
    r"|pessoas|people|visitantes|visitors|turistas|bytes|[kmg]b\b|anos\b|years|unidades|exemplares|votos)",
    re.IGNORECASE,
)
_MONEY = re.compile(r"(?:€|\$|£|\b(?:eur|brl|usd)) ?\Z", re.IGNORECASE)


def subject(text: str, start: int) -> str:
    """What the last telling word before text[start] speaks of: "phone", "other" or "" (nothing tells)."""
    last = None
    for match in _SUBJECT.finditer(text, max(0, start - _WINDOW), start):
        last = match
    if last is None:
        return ""
    return "other" if last[2] else "phone"


def is_quantity(text: str, start: int, end: int) -> bool:
    """Money or so many of something."""
    return bool(_UNIT.match(text, end) or _MONEY.search(text, max(0, start - 6), start))


def named(words: str, form: str) -> re.Pattern[str]:
    """`form`, as group "value", after one of `words`."""
    return re.compile(rf"(?<![^\W\d_])(?:{words}){CONNECT}(?P<value>{form})", re.IGNORECASE)
