"""The words by which a follow-up question is known: Portuguese and English, lower case, without accents."""

from __future__ import annotations

_FUNCTION = """
    a as o os ao aos um uma uns umas e ou de do da dos das dum duma em no na nos nas num numa por pelo
    pela pelos pelas pra pro para com sem como que qual quais quem quando onde quanto quanta quantos
    quantas se me te lhe eu tu voce voces gente meu minha meus minhas seu sua seus suas ser sou sao foi
    foram era seja esta estao ta tao estava ha tem ter tinha ja tambem muito mais menos mas mesmo ainda
    so entao assim porque pois nao sim ate sobre entre depois antes la ai ali aqui isso isto aquilo esse
    essa esses essas este estes aquele aquela aqueles aquelas desse dessa disso deste desta disto nesse
    nessa nisso neste nesta nisto naquele naquela daquele daquela ele ela eles elas dele dela deles
    delas nele nela neles nelas outro outra outros outras vai vao ir fazer faz pode posso podem podemos
    preciso precisa precisam quero queria gostaria saber dizer diga fala fale explique explica conte ok
    obrigado obrigada oi ola favor bom the of and or to in on at is are was were be for with by an it
    its this that these those they them their there what which who how does did when where why much many
    more about can could would should will i we you he she my your our one ones if any some not yes
    please thanks tell also then but have has
"""

_PROPERTIES = """
    custa custam custo custos preco precos valor valores paga pagam pago pagar dura duram duracao tempo
    hora horas horario horarios abre abrem fecha fecham sai saem chega comeca comecam termina terminam
    acaba funciona funcionam idade minima minimo maxima maximo endereco telefone fica ficam acontece
    existe vale cost costs price prices pay long last lasts hour hours time times open opens close
    closes start starts end ends leave leaves age minimum maximum address phone happens free
"""

_RELATIONS = """
    inclui incluem incluido incluida incluidos incluidas incluso inclusa included include
"""

_CIRCUMSTANCES = """
    segunda terca quarta quinta-feira sexta sabado sabados domingo domingos segunda-feira terca-feira
    quarta-feira sexta-feira feira janeiro fevereiro marco abril maio junho julho agosto setembro
    outubro novembro dezembro hoje amanha ontem manha tarde noite dia dias semana semanas mes meses ano
    anos feriado feriados fim verao inverno natal crianca criancas adulto adultos idoso idosos bebe
    bebes estudante estudantes pessoa pessoas filho filha filhos filhas monday tuesday wednesday
    thursday friday saturday sunday today tomorrow morning afternoon evening night day days week weekend
    weekends month months year years holiday holidays summer winter christmas child children kid kids
    adult adults senior seniors baby babies student students person people
"""

_ANAPHORS = """
    isso isto aquilo esse essa esses essas este estes aquele aquela aqueles aquelas desse dessa disso
    deste desta disto nesse nessa nisso neste nesta nisto naquele naquela daquele daquela ele ela eles
    elas dele dela deles delas nele nela neles nelas la ai ali it its this that these those they them
    their there one ones
"""

FUNCTION = frozenset(_FUNCTION.split())
"""Words that say nothing by themselves."""

PROPERTIES = frozenset(_PROPERTIES.split())
"""What is asked of a thing without naming the thing."""

RELATIONS = frozenset(_RELATIONS.split())
"""Words that need two things, the part and the whole."""

CIRCUMSTANCES = frozenset(_CIRCUMSTANCES.split())
"""When and for whom; no topic of their own."""

ANAPHORS = frozenset(_ANAPHORS.split())
"""Words that point back."""
