"""Makes corpus/generated.jsonl: hand-written frames filled with numbers in their many written forms, and as
many hard negatives. `python -m tests.privacy.generate` writes the file anew; a test holds it to this code.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

from tests.privacy.numbers import Numbers, spoilt

PATH = Path(__file__).parent / "corpus" / "generated.jsonl"
SEED = 20260714
EACH = 22

FRAMES: dict[str, tuple[str, ...]] = {
    "CPF": (
        "Bom dia, preciso da nota no CPF {}, obrigado.",
        "cpf {}",
        "Titular do ingresso, CPF nº {}, não compareceu.",
        "O documento informado foi {} e o valor R$ 120,00.",
        "Reembolso aprovado para o CPF: {}; prazo de 7 dias.",
        "esqueci de mandar o CPF da minha mãe: {}",
    ),
    "CNPJ": (
        "Nota para a agência, CNPJ {}, até dia 30.",
        "cnpj: {}",
        "Razão social no contrato, inscrita no CNPJ sob nº {}, com sede em Recife.",
        "Fornecedor {} aprovado em 12/03/2026.",
    ),
    "NIF": (
        "Fatura com NIF {}, por favor.",
        "o meu contribuinte é {}",
        "NIF: {} (particular), visita às 15:00.",
        "Número de contribuinte {} no recibo de 28,50 €.",
        "Could you add my NIF {} to the receipt?",
    ),
    "NISS": ("NISS {} do guia contratado.", "Segurança Social: {}", "n.º de segurança social {} do guia"),
    "PIS": ("PIS {} do motorista.", "NIS: {}", "Gratuidade pelo CadÚnico, NIS nº {}."),
    "TITULO": ("Título de eleitor {}.", "título eleitoral nº {}, zona 12"),
    "CC": ("Cartão de cidadão {}, válido até 2031.", "CC n.º {}", "mostrei o {} à entrada e não aceitaram"),
    "RG": ("RG {}", "RG nº {} SSP/BA", "carteira de identidade {} vencida", "o rg dele é {}"),
    "CNH": ("CNH {} do condutor.", "carteira de motorista nº {}", "Habilitação: {}, categoria D"),
    "IBAN": (
        "Transferência para o IBAN {} até sexta.",
        "iban {}",
        "Podem devolver o sinal de 50 € para {}?",
        "My IBAN is {}, thank you.",
    ),
    "CARTAO": (
        "O cartão {} foi cobrado duas vezes.",
        "card {} exp 10/28",
        "paguei no crédito, {}, em 3x",
        "Estorno no cartão de crédito nº {}, R$ 84,00.",
    ),
    "PASSAPORTE": (
        "Passaporte {}, válido até 2031.",
        "O número do meu passaporte é {}.",
        "passport number {} for the check-in",
        "passaporte nº {} do menor",
    ),
    "TELEFONE": (
        "Meu telefone é {}.",
        "whatsapp {} a qualquer hora",
        "Se houver atraso liguem para {}, por favor.",
        "O guia atende no {} das 9:00 às 18:00.",
        "tel. {}",
        "Call me at {} when the van arrives.",
    ),
    "EMAIL": ("Enviem para {}.", "e-mail: {}", "nada chegou em {}, reenviem", "My address is {}, thanks."),
    "IP": ("Acesso de {} às 10:20.", "ip {} bloqueado"),
    "ENDERECO": (
        "Moro na {}.",
        "Endereço: {}.",
        "Busquem o grupo em {}, às 8h30.",
        "Morada de faturação: {}.",
    ),
    "NASCIMENTO": ("Data de nascimento: {}.", "Nasci em {} e tenho desconto.", "nascida a {}, paga meia?"),
    "NOME": (
        "Meu nome é {} e reservei para sábado.",
        "Chamo-me {}, estou à porta.",
        "Nome: {}",
        "O Sr. {} perdeu o autocarro.",
        "Fico a aguardar.\nCumprimentos,\n{}",
        "A reserva está em nome de {}, 4 pessoas.",
        "My name is {}.",
    ),
    "PLACA": ("Matrícula {} no parque P3.", "placa {} estacionada em frente"),
}  # fmt: skip

NEGATIVES: tuple[str, ...] = (
    "CPF {spoilt_cpf} recusado: dígito verificador não confere.",
    "O CNPJ {spoilt_cnpj} não existe.",
    "IBAN {spoilt_iban} inválido.",
    "O cartão {spoilt_card} não é aceite.",
    "NIF {spoilt_nif} não confere.",
    "Pedido nº {d11} enviado em {day}/{month}/{year}.",
    "Protocolo {d10}, aberto às {hour}:{minute}.",
    "A reserva {d9} foi alterada para {day}/{month}.",
    "Código da reserva: {d10}",
    "Ingresso de {price} € e meia-entrada de {price} €.",
    "Total R$ {d1}.{d3},{d2} em {day} parcelas.",
    "Aberto das {hour}:{minute}-18:{minute}, última entrada {hour}:45.",
    "Coordenadas 38.{d6}, -9.{d6}",
    "lat -{day}.{d5} long -{day}.{d5}",
    "Lei nº {d1}.{d3}/{year}, art. {day}, § 2º.",
    "Decreto-Lei n.º {d3}/{year}, artigo {day}.º, n.º 1.",
    "ISBN 978-85-{d4}-{d3}-{d1}",
    "ISBN 978972{d7}",
    "O trilho tem {day},{d1} km e {d3} m de desnível.",
    "Construído entre 1{d3} e 1{d3}, restaurado em {year}.",
    "Fatura FT {year}/{d6}, IVA 23%.",
    "Nota fiscal {d9}, série {d1}.",
    "Veja https://example.com/visita/{d11}?dia={day}",
    "https://bilhetes.example.pt/{d9}/{d4}-{d3}",
    "versão {day}.{d1}.{d1}.{d2} do aplicativo",
    "A Rua das Flores tem {day} restaurantes.",
    "Praça da República, {day} minutos a pé do comboio.",
    "O Largo do Palácio recebe {d3} pessoas por dia.",
    "D. João {roman} reinou até 1{d3}.",
    "Dom Pedro {roman} visitou a vila.",
    "Entre {year}-{year} a procura subiu {day}%.",
    "{d3} {d3} {d3} visitantes desde a abertura",
    "são {d1}.{d3}.{d3} habitantes",
    "Bagagem até {day} kg, {d2}x{d2}x{d2} cm.",
    "Rastreamento BR: AA{d9}BR",
    "Voo TP {d4} às {hour}:{minute}, porta {day}.",
    "Lote {d6}, validade {month}/{year}.",
    "EAN 560{d10} na etiqueta",
    "{year}-{month}-{day}T{hour}:{minute}:00Z",
    "processo {d7}-{d2}.{year}.8.26.{d4}",
)


def build() -> list[str]:
    """The file's lines."""
    rng = random.Random(SEED)
    numbers = Numbers(rng)
    marked = [
        rng.choice(frames).format(f"«{kind}|{FORMS[kind](numbers)}»")
        for kind, frames in FRAMES.items()
        for _ in range(EACH)
    ]
    marked += [_negative(numbers, NEGATIVES[n % len(NEGATIVES)]) for n in range(EACH * len(FRAMES))]
    return [json.dumps({"marked": line}, ensure_ascii=False) for line in marked]


def _negative(numbers: Numbers, frame: str) -> str:
    rng = numbers.rng
    values = {
        "spoilt_cpf": _cpf(spoilt(numbers.cpf(), rng), rng),
        "spoilt_cnpj": spoilt(numbers.cnpj(), rng),
        "spoilt_iban": spoilt(f"PT50{numbers.nib()}", rng),
        "spoilt_card": _fours(spoilt("4" + numbers.card()[1:16].ljust(15, "0"), rng)),
        "spoilt_nif": spoilt(numbers.nif(), rng),
        "day": f"{rng.randrange(10, 29)}",
        "month": f"{rng.randrange(1, 13):02d}",
        "year": f"{rng.randrange(1990, 2027)}",
        "hour": f"{rng.randrange(8, 20):02d}",
        "minute": rng.choice(("00", "15", "30")),
        "price": f"{rng.randrange(5, 90)},{rng.choice(('00', '50'))}",
        "roman": rng.choice(("I", "II", "III", "V", "VI")),
        **{f"d{n}": str(rng.randrange(1, 10)) + numbers.digits(n - 1) for n in range(1, 12)},
    }
    text = frame.format(**values)
    return text if not _is_luckily_valid(values, frame) else _negative(numbers, frame)


def _is_luckily_valid(values: dict[str, str], frame: str) -> bool:
    from stdnum import luhn  # noqa: PLC0415

    return "spoilt_card" in frame and bool(luhn.is_valid(values["spoilt_card"].replace(" ", "")))


def _cpf(number: str, rng: random.Random) -> str:
    a, b, c, d = number[:3], number[3:6], number[6:9], number[9:]
    return rng.choice(
        (f"{a}.{b}.{c}-{d}", f"{a}.{b}.{c}-{d}", number, f"{a} {b} {c} {d}", f"{a}{b}{c}-{d}",
         f"{a}.{b}.{c}/{d}",
         f"{a}.{b}.{c} - {d}", f"{a}.{b}.\n{c}-{d}", f"{a}\u00a0{b}\u00a0{c}-{d}", f"{a}.{b}\u200b.{c}-{d}",
         "".join(chr(ord(digit) + 0xFEE0) for digit in number))
    )  # fmt: skip


def _cnpj(numbers: Numbers) -> str:
    n = numbers.rng.choice((numbers.cnpj, numbers.cnpj, numbers.cnpj_with_letters))()
    formal = f"{n[:2]}.{n[2:5]}.{n[5:8]}/{n[8:12]}-{n[12:]}"
    return numbers.rng.choice((formal, formal, n, f"{n[:8]}/{n[8:12]}-{n[12:]}" if n.isdigit() else formal))


def _groups(number: str, sizes: tuple[int, ...], sign: str) -> str:
    pieces, done = [], 0
    for size in sizes:
        pieces.append(number[done : done + size])
        done += size
    return sign.join(piece for piece in [*pieces, number[done:]] if piece)


def _fours(number: str) -> str:
    return _groups(number, (4, 4, 4), " ")


def _nif(numbers: Numbers) -> str:
    sign = numbers.rng.choice(("", "", " ", ".", "-"))
    return numbers.rng.choice(("", "", "PT")) + _groups(numbers.nif(), (3, 3), sign)


def _iban(numbers: Numbers) -> str:
    number = numbers.iban()
    written = numbers.rng.choice((number, " ".join(number[n : n + 4] for n in range(0, len(number), 4))))
    return numbers.rng.choice((written, written, written.lower()))


def _card(numbers: Numbers) -> str:
    number = numbers.card()
    sizes = (4, 6) if len(number) == 15 else (4, 4, 4)
    return _groups(number, sizes, numbers.rng.choice(("", " ", "-", "\u202f")))


def _cc(numbers: Numbers) -> str:
    number = numbers.cc()
    return numbers.rng.choice(
        (number, f"{number[:8]} {number[8]} {number[9:]}", f"{number[:8]}-{number[8]}-{number[9:]}")
    )


def _phone(numbers: Numbers) -> str:
    rng = numbers.rng
    if rng.random() < 0.5:
        n = numbers.phone_br()
        area, local, tail = n[:2], f"{n[2:7]}-{n[7:]}", f"{n[3:7]}-{n[7:]}"
        spoken = (f"0{area} {local}", f"({area}) {n[2]} {tail}", f"+55 ({area}) {n[2:7]} {n[7:]}")
        plain = (
            f"({area}) {local}",
            f"({area}){local}",
            f"{area} {local}",
            f"+55 {area} {local}",
            n,
            f"+55{n}",
        )
        return rng.choice((*spoken, *plain))
    n = rng.choice((numbers.phone_pt, numbers.phone_pt, numbers.landline_pt))()
    spaced = f"{n[:3]} {n[3:6]} {n[6:]}"
    signs = (spaced.replace(" ", sign) for sign in "\u00a0-.")
    pairs = f"{n[:2]} {n[2:5]} {n[5:7]} {n[7:]}"
    return rng.choice(
        (spaced, n, f"+351 {spaced}", f"+351{n}", f"00351 {spaced}", f"(+351) {spaced}", pairs, *signs)
    )


def _email(numbers: Numbers) -> str:
    rng = numbers.rng
    name = rng.choice(
        ("ana.lima", "joao_p", "m-costa", "reservas2026", "R.SOUSA", "contato+pena", "zé.maria")
    )
    domain = rng.choice(
        ("example.com", "exemplo.com.br", "mail.example.pt", "hotel-exemplo.pt", "EXAMPLE.ORG")
    )
    return f"{name}@{domain}"


def _ip(numbers: Numbers) -> str:
    rng = numbers.rng
    v4 = f"{rng.randrange(130, 220)}.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(1, 255)}"
    return rng.choice(
        (
            v4,
            v4,
            f"2001:8a0:{rng.randrange(1, 65535):x}:{rng.randrange(1, 65535):x}::{rng.randrange(1, 255):x}",
        )
    )


def _address(numbers: Numbers) -> str:
    rng, n = numbers.rng, str(numbers.rng.randrange(1, 1900))
    street = rng.choice(
        ("das Acácias", "do Sol", "Tiradentes", "São Bento", "25 de Abril", "Dr. João Soares", "da Boa Vista")
    )
    kind = rng.choice(("Rua", "Avenida", "Av.", "Travessa", "Alameda", "R."))
    cep = f"{numbers.digits(5)}-{numbers.digits(3)}"
    postal = f"{rng.choice(('2710', '2750', '1200', '4000'))}-{numbers.digits(3)}"
    forms = (
        f"{kind} {street}, {n}",
        f"{kind} {street}, nº {n}",
        f"{kind} {street}, {n}, apto {rng.randrange(11, 99)}",
        f"{kind} {street} {rng.randrange(1, 300)}",
        f"{kind} {street}, {n} - Centro, Campinas - SP, {cep}",
        f"{kind} {street}, n.º {n}, 2.º Esq., {postal} Sintra",
        f"{kind} {street}, {n}, {postal} Lisboa",
    )
    return rng.choice(forms)


def _birth(numbers: Numbers) -> str:
    rng = numbers.rng
    day, year = rng.randrange(1, 29), rng.randrange(1940, 2020)
    return rng.choice(
        (
            f"{day:02d}/{rng.randrange(1, 13):02d}/{year}",
            f"{day} de maio de {year}",
            f"{day}-{rng.randrange(1, 13)}-{year}",
            f"{day:02d}.{rng.randrange(1, 13):02d}.{year}",
        )
    )


def _name(numbers: Numbers) -> str:
    rng = numbers.rng
    first = rng.choice(
        (
            "Anselmo",
            "Benvinda",
            "Clotilde",
            "Deolinda",
            "Ezequiel",
            "Firmino",
            "Graciete",
            "Wolfgang",
            "Yasmin",
            "Zeferino",
        )
    )
    last = rng.choice(
        (
            "Abrantes",
            "Bittencourt",
            "Caçador",
            "Dornelles",
            "Estrela",
            "Falcão",
            "Gusmão",
            "Hoffmann",
            "Ibsen",
            "Zagalo",
        )
    )
    return rng.choice(
        (f"{first} {last}", f"{first} de {last}", f"{first} M. {last}", f"{first} {last} {last}-Neto")
    )


def _plate(numbers: Numbers) -> str:
    rng = numbers.rng
    a, b = ("".join(rng.choices("ABCDEFGHJKLMNPQRSTUVXZ", k=2)) for _ in range(2))
    d = numbers.digits(6)
    return rng.choice(
        (
            f"{a}-{d[:2]}-{b}",
            f"{d[:2]}-{a}-{d[2:4]}",
            f"{a}{b[0]}{d[0]}C{d[1:3]}",
            f"{a}{b[0]}-{d[:4]}",
            f"{d[:2]}-{d[2:4]}-{b}",
        )
    )


FORMS: dict[str, Callable[[Numbers], str]] = {
    "CPF": lambda n: _cpf(n.cpf(), n.rng),
    "CNPJ": _cnpj,
    "NIF": _nif,
    "NISS": lambda n: n.rng.choice((n.niss(), _groups(n.niss(), (3, 3, 3), " "))),
    "PIS": lambda n: n.rng.choice((n.pis(), _groups(n.pis(), (3, 5, 2), "."))),
    "TITULO": lambda n: n.rng.choice((n.titulo(), _fours(n.titulo()))),
    "CC": _cc,
    "RG": lambda n: n.rng.choice((n.rg(), f"MG-{n.rg()[:-2]}", n.digits(9))),
    "CNH": lambda n: n.digits(11),
    "IBAN": _iban,
    "CARTAO": _card,
    "PASSAPORTE": lambda n: n.rng.choice((n.passport(), n.passport().lower())),
    "TELEFONE": _phone,
    "EMAIL": _email,
    "IP": _ip,
    "ENDERECO": _address,
    "NASCIMENTO": _birth,
    "NOME": _name,
    "PLACA": _plate,
}

if __name__ == "__main__":
    PATH.write_text("\n".join(build()) + "\n", encoding="utf-8")
