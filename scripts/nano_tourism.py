"""Made-up tourism texts in Portuguese, with questions, for training the embedded models.

Every name and number is drawn at random, so that nothing here can be learnt by heart; none of it
is in `examples/`, which stays unseen.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

PLACES = (
    "Évora Óbidos Nazaré Coimbra Braga Tomar Lagos Faro Tavira Monsaraz Aveiro Guimarães Batalha Alcobaça "
    "Mafra Setúbal Sesimbra Arrábida Cascais Peniche Ericeira Amarante Viseu Lamego Pinhão Funchal Ponta-Delgada "
    "Paraty Olinda Ouro-Preto Gramado Bonito Jericoacoara Salvador Natal Ilhabela Petrópolis Tiradentes"
).split()
KINDS = [
    "passeio de barco", "passeio a pé", "passeio de bicicleta", "tour gastronômico", "tour de vinhos",
    "tour noturno", "visita guiada", "passeio de jipe", "tour fotográfico", "roteiro histórico",
    "tour privado", "tour em grupo", "trilha", "passeio de balão", "tour de um dia", "tour de meio dia",
    "workshop de azulejos", "aula de surfe", "excursão", "circuito dos museus", "museu", "castelo",
    "mosteiro", "jardim botânico", "mirante", "aquário", "transfer", "ônibus turístico", "teleférico",
    "pacote família", "pacote romântico", "tour full-day", "tour half-day", "tour premium", "tour básico",
]  # fmt: skip
ITEMS = [
    "almoço", "jantar", "café da manhã", "água mineral", "guia credenciado", "seguro", "entradas", "transporte",
    "degustação de vinhos", "audioguia", "capacete", "colete salva-vidas", "lanche", "fotografias",
    "estacionamento", "wi-fi a bordo", "bebidas", "gorjetas", "bilhete do museu", "traslado do hotel",
]  # fmt: skip
DAYS = ["segunda-feira", "terça-feira", "quarta-feira", "quinta-feira", "sexta-feira", "sábado", "domingo"]
SPOTS = [
    "praça central", "estação de trem", "porta da igreja matriz", "cais velho", "posto de turismo", "hotel",
    "rodoviária", "entrada do castelo", "mercado municipal", "fonte da vila", "portão principal",
]  # fmt: skip
SIGHTS = [
    "o palácio", "o mosteiro", "a praia do norte", "o castelo dos mouros", "a adega antiga", "o bairro judeu",
    "o jardim das camélias", "a torre do relógio", "a capela dos ossos", "o aqueduto", "o miradouro da serra",
    "o centro histórico", "a casa dos azulejos", "o farol", "a gruta", "o convento", "a quinta do lago",
]  # fmt: skip
LANGUAGES = ["português", "inglês", "espanhol", "francês", "alemão", "italiano"]
PEOPLE = ["crianças", "idosos", "grupos", "estudantes", "moradores", "famílias", "pessoas com deficiência"]


@dataclass(frozen=True)
class Fact:
    """One sentence (or list item) that answers each of its questions."""

    heading: str
    text: str
    questions: tuple[str, ...]


def _of(rng: random.Random, *choices: str) -> str:
    return rng.choice(choices)


def _and(words: list[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " e " + words[-1]


def facts(rng: random.Random, name: str) -> list[Fact]:
    """A dozen facts about one product or place called `name`, in random wording."""
    price, child = rng.randint(5, 190), rng.randint(2, 60)
    hours, h0, h1 = rng.randint(2, 12), rng.randint(6, 11), rng.randint(13, 22)
    minutes = rng.choice([0, 15, 30, 45])
    day, other = rng.sample(DAYS, 2)
    spot, items = rng.choice(SPOTS), rng.sample(ITEMS, 5)
    sights, langs = rng.sample(SIGHTS, 3), rng.sample(LANGUAGES, rng.randint(1, 3))
    n, m, pct = rng.randint(4, 40), rng.randint(2, 72), rng.choice([10, 15, 20, 25, 30, 50])
    money = _of(rng, f"{price} €", f"€ {price}", f"{price} euros", f"R$ {price}")
    small = _of(rng, f"{child} €", f"€ {child}", f"{child} euros", f"R$ {child}")
    start = f"{h0}h{minutes:02d}" if minutes else f"{h0}h"
    people = rng.choice(PEOPLE)
    age = rng.randint(3, 17)
    out = [
        Fact("Preços", _of(
            rng, f"O {name} custa {money} por pessoa.", f"O preço do {name} é {money} por adulto.",
            f"O {name} sai por {money} por participante, com impostos.", f"Preço por adulto: {money}.",
            f"Cada adulto paga {money} pelo {name}."),
            (f"Quanto custa o {name}?", f"Qual é o preço do {name}?", f"quanto é o {name} por pessoa",
             f"Qual o valor do {name} para um adulto?", f"preço {name}")),
        Fact("Preços", _of(
            rng, f"Crianças até {age} anos pagam {small}.", f"Para crianças de até {age} anos o bilhete é {small}.",
            f"Crianças: {small} até os {age} anos.", f"Menores de {age} anos têm entrada gratuita no {name}."),
            (f"Quanto pagam as crianças no {name}?", "Criança paga?", f"Qual é o preço para crianças no {name}?",
             f"crianças pagam menos no {name}?")),
        Fact("Duração", _of(
            rng, f"O {name} dura {hours} horas.", f"A duração do {name} é de cerca de {hours} horas.",
            f"Duração: {hours} horas, com uma pausa.", f"São {hours} horas de {name}, com paradas para fotos."),
            (f"Quanto tempo dura o {name}?", f"Qual a duração do {name}?", f"quantas horas tem o {name}?",
             f"O {name} demora quanto tempo?")),
        Fact("Horários", _of(
            rng, f"O {name} começa às {start} e termina às {h1}h.", f"A saída do {name} é às {start}, todos os dias.",
            f"Horário de partida: {start}.", f"Saímos às {start} e voltamos por volta das {h1}h."),
            (f"A que horas começa o {name}?", f"Que horas sai o {name}?", f"Qual o horário de partida do {name}?",
             f"Quando começa o {name}?")),
        Fact("Horários", _of(
            rng, f"O {name} abre das {start} às {h1}h.", f"Horário de funcionamento: das {start} às {h1}h.",
            f"O {name} funciona de {day} a {other}, das {start} às {h1}h.", f"Está aberto das {start} até as {h1}h."),
            (f"Qual o horário de funcionamento do {name}?", f"Até que horas o {name} fica aberto?",
             f"Que horas abre o {name}?", f"horário do {name}")),
        Fact("Dias", _of(
            rng, f"Não há {name} às {day}s.", f"O {name} fecha à {day}.", f"Fechado na {day} e no dia 25 de dezembro.",
            f"O {name} não funciona na {day}."),
            (f"Em que dia o {name} fecha?", f"O {name} funciona na {day}?", f"Que dia não tem {name}?",
             f"o {name} abre na {day}?")),
        Fact("O que inclui", _of(
            rng, f"O {name} inclui {_and(items[:3])}.", f"Estão incluídos {_and(items[:3])}.",
            f"No preço do {name} entram {_and(items[:3])}.", f"Inclui: {_and(items[:3])}."),
            (f"O que está incluído no {name}?", f"O que inclui o {name}?", f"{items[0]} está incluído no {name}?",
             f"O {name} inclui {items[1]}?")),
        Fact("O que não inclui", _of(
            rng, f"O {name} não inclui {_and(items[3:])}.", f"Não estão incluídos {_and(items[3:])}.",
            f"Ficam de fora do preço {_and(items[3:])}."),
            (f"O que não está incluído no {name}?", f"O que o {name} não inclui?", f"{items[3]} está incluído?")),
        Fact("Encontro", _of(
            rng, f"O ponto de encontro do {name} é em frente a {spot}.", f"O grupo encontra-se junto a {spot}.",
            f"O encontro é na {spot}, dez minutos antes da saída.", f"Partida: {spot}."),
            (f"Onde é o ponto de encontro do {name}?", f"De onde sai o {name}?", f"Onde começa o {name}?",
             f"Onde encontro o guia do {name}?", f"onde é a partida do {name}")),
        Fact("Roteiro", _of(
            rng, f"O {name} visita {_and(sights)}.", f"No roteiro do {name} estão {_and(sights)}.",
            f"O {name} passa por {sights[0]} e {sights[1]} e termina n{sights[2]}.", f"Paradas: {_and(sights)}."),
            (f"O que o {name} visita?", f"Quais lugares o {name} visita?", f"Por onde passa o {name}?",
             f"O {name} passa por {sights[0]}?", f"Qual é o roteiro do {name}?")),
        Fact("Grupo", _of(
            rng, f"O grupo tem no máximo {n} pessoas.", f"O {name} aceita até {n} participantes.",
            f"Cada grupo do {name} tem até {n} pessoas e um guia."),
            (f"Quantas pessoas vão no {name}?", f"Qual o tamanho do grupo no {name}?",
             f"Quantos participantes o {name} aceita?")),
        Fact("Cancelamento", _of(
            rng, f"O cancelamento é gratuito até {m} horas antes do {name}.",
            f"Quem cancela até {m} horas antes recebe o valor total.",
            f"Cancelamentos com menos de {m} horas pagam {pct} % do valor.",
            f"Depois desse prazo, devolvemos {pct} % do valor pago."),
            (f"Posso cancelar o {name}?", f"Qual a política de cancelamento do {name}?",
             "Até quando posso cancelar sem custo?", "Como funciona o cancelamento?", "Recebo o dinheiro de volta?")),
        Fact("Idiomas", _of(
            rng, f"O {name} é feito em {_and(langs)}.", f"O guia fala {_and(langs)}.",
            f"Idiomas disponíveis: {_and(langs)}."),
            (f"Em que idioma é o {name}?", f"Tem {name} em {langs[0]}?", "Que línguas fala o guia?",
             f"Quais são os idiomas do {name}?")),
        Fact("Descontos", _of(
            rng, f"Há desconto de {pct} % para {people}.", f"{people.capitalize()} têm {pct} % de desconto no {name}.",
            f"Para {people} o {name} sai {pct} % mais barato."),
            (f"Tem desconto para {people}?", f"Qual o desconto do {name}?", f"Existe desconto para {people} no {name}?")),
        Fact("Chuva", _of(
            rng, f"Em caso de chuva forte, o {name} é remarcado sem custo.", f"O {name} acontece mesmo com chuva leve.",
            "Se chover, oferecemos capas e mudamos o percurso."),
            (f"O que acontece se chover no {name}?", "E se chover?", f"Tem {name} com chuva?")),
        Fact("Como chegar", _of(
            rng, f"O trem leva {m} minutos até {spot}.", f"De carro são {m} quilômetros pela autoestrada.",
            f"O ônibus {n} passa a cada {m} minutos e para na {spot}.",
            f"A linha {n} liga a {spot} ao {name} em {m} minutos."),
            (f"Como chegar ao {name}?", f"Qual ônibus vai para o {name}?", f"Quanto tempo leva o trem até {spot}?",
             f"Como vou de carro até o {name}?")),
        Fact("Reserva", _of(
            rng, f"A reserva do {name} é feita pelo site, com pagamento de {pct} % de sinal.",
            f"É preciso reservar o {name} com {m} horas de antecedência.", "Aceitamos cartão, Pix e dinheiro.",
            "O pagamento pode ser feito com cartão de crédito, MB Way ou em dinheiro no dia."),
            (f"Como reservar o {name}?", f"Preciso reservar o {name} antes?", "Quais formas de pagamento aceitam?",
             "Como posso pagar?")),
        Fact("Recomendações", _of(
            rng, f"Leve {_of(rng, 'tênis confortável', 'casaco', 'protetor solar', 'água')} e documento com foto.",
            f"Para o {name} recomendamos roupa leve, chapéu e calçado fechado.",
            f"A idade mínima para o {name} é de {age} anos.", f"O {name} não é indicado para {people}."),
            (f"O que devo levar para o {name}?", f"Qual a idade mínima do {name}?", f"O que vestir no {name}?",
             f"Para quem o {name} não é indicado?")),
    ]  # fmt: skip
    rng.shuffle(out)
    return out


def product_name(rng: random.Random) -> str:
    """A made-up product: "tour noturno de Óbidos", "castelo de Lamego" ..."""
    kind, place = rng.choice(KINDS), rng.choice(PLACES).replace("-", " ")
    return _of(rng, kind, f"{kind} de {place}", f"{kind} em {place}", f"{kind} {place}")
