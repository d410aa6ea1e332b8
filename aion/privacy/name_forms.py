"""The forms in which a text gives a name away. Patterns only; `names` judges what they match."""

from __future__ import annotations

import re

_UPPER = "A-ZÀ-ÖØ-Þ"
_LOWER = "a-zà-öø-þ"
_CAPITAL = (
    rf"(?:[{_UPPER}]'?(?:[^\W\d_]|'(?=[^\W\d_])){{1,24}}(?:-[{_UPPER}][^\W\d_]{{1,24}})?"
    rf"|[{_UPPER}]\.(?= ?[{_UPPER}]))"
)
_LINK = r"(?:d[aeo]s?|DE|D[AO]S?|e|E|von|van|der|del|di|la|y)"
_MORE = rf"(?: (?:{_LINK} ){{0,2}}(?:[dD]['’])?{_CAPITAL})"  # "d'Ávila"
_FULL = rf"{_CAPITAL}{_MORE}{{0,6}}"
_TWO = rf"{_CAPITAL}{_MORE}{{1,6}}"
_NAME = rf"(?P<name>{_FULL})(?!\w)"
_NAME_OF_TWO = rf"(?P<name>{_TWO})(?!\w)"
_SIGN = r"(?:[\"*_]{0,3} ?: ?[\"*_]{0,3} ?\n?\"?| ?- )"  # also of JSON and of Markdown's bold
_STOP = r"(?=[ ,.;!)\n]|\Z)"
_TITLE = r"(?:(?:Sra?|Dra?|D|Eng|Prof)\.[ªa]? ){0,2}"

SAID = re.compile(
    r"(?<!\w)(?i:(?:o )?(?:meu|nosso) nome (?:completo )?(?:é|eh|e)|(?:eu )?me chamo|chamo-me|quem fala é"
    r"|aqui (?:fala|quem fala é)|(?:daqui )?fala(?: daqui)?|assinado|my (?:full )?name is|my name's"
    rf"|(?:i am|i'm) called)(?i::? (?:[oa] )?){_NAME}"
)
SAID_SMALL = re.compile(
    r"(?<!\w)(?i:(?:o )?meu nome (?:completo )?(?:é|eh|e)|(?:eu )?me chamo|chamo-me|my name is"
    r"|my name's)(?::? )"
    rf"(?P<name>[{_LOWER}]{{3,20}}(?: (?:d[aeo]s? )?[{_LOWER}]{{2,20}}){{0,4}})(?!\w)"
)
LABELLED = re.compile(
    r"(?<!\w)(?i:nome(?: completo| do (?:cliente|h[oó]spede|titular|passageiro|respons[aá]vel)| da m[aã]e"
    r"| do pai)?"
    r"|full name|guest(?: name)?|name|h[oó]spede(?: principal)?|titular|passageir[oa]|a/c|assinatura|signed"
    rf"|remetente|destinat[aá]ri[oa]){_SIGN}{_TITLE}{_NAME}"
)
BOOKED = re.compile(
    r"(?<!\w)(?i:(?:em|no|ao) nome d[aeo]s?|in the name of|under the name(?: of)?|under|booked by"
    r"|reservad[oa] por"
    rf"|assinado por|signed by|aos cuidados d[aeo]|a favor de) (?:[oa] )?{_TITLE}{_NAME_OF_TWO}"
)
SIGNED = re.compile(
    r"(?:\A|\n|[.!?] )(?i:atenciosamente|att\.?|atte\.?|cordialmente|respeitosamente"
    r"|(?:com os )?(?:meus |melhores |os melhores )?cumprimentos|cumps\.?|(?:um |grande )*abra[cç]os?|beijos?"
    r"|beijinhos|bjs|grat[oa]|obrigad[oa](?: desde já)?|desde já agrade[cç]o|sauda[cç][oõ]es"
    r"|(?:best|kind|warm)(?:est)? (?:regards|wishes)|regards|sincerely|yours (?:sincerely|truly|faithfully)"
    r"|cheers"
    r"|thanks|thank you|many thanks|best) ?[,.!;-]{0,2} ?\n[ \n]{0,4}(?:-{1,2} ?)?"
    rf"{_TITLE}(?P<name>{_FULL})(?= ?(?:\n|\Z|[,(|]))"
)
LABELLED_LOOSELY = re.compile(
    r"(?<!\w)(?i:cliente|passageir[oa]s|respons[aá]vel|contac?to|comprador|motorista|condutor|guia"
    r"|benefici[aá]ri[oa]"
    rf"|participantes?|acompanhantes?|aos cuidados de|att){_SIGN}{_TITLE}{_NAME}"
)
GREETED = re.compile(
    r"(?<!\w)(?i:prezad[oa]|car[oa]|car[ií]ssim[oa]|estimad[oa]|querid[oa]|dear|ol[áa]|oi|bom dia|boa tarde"
    r"|boa noite"
    r"|hello|hi)(?:,? )(?:(?:Sra?|Dra?|Senhora?|Mr|Mrs|Ms)\.?[ªa]? )?"
    rf"(?P<name>{_FULL})(?= ?(?:[,!.:;\n]|\Z))"
)
CALLED = re.compile(
    rf"(?<!\w)(?i:(?:eu )?sou [oa]|(?:aqui )?é [oa]|chama-se|se chama|seu) (?P<name>{_FULL}){_STOP}"
)
PRESENTED = re.compile(rf"(?<!\w)(?:I am|I'm|Sou|sou|[Tt]his is|Aqui é) (?P<name>{_TWO}){_STOP}")
TITLED = re.compile(
    r"(?<!\w)(?:(?P<title>Sr|Sra|Srª|Srta|Snr|Dr|Dra|Drª|Eng|Engª|Prof|Profa|Profª|Mr|Mrs|Ms|Exmo|Exma|D|sr|sra|dr|dra)"
    r"(?:\.[ºªoa]?|[ºª]\.?)?|(?P<word>[Ss]enhora?|[Dd]outora?|Miss|Dom|[Dd]ona))"
    rf" {_TITLE}{_NAME}"
)
