"""Owns what is boilerplate: text on a page that does not belong to its article.

Each rule matches a whole short paragraph, so that prose about cookies or newsletters is not taken for boilerplate.
"""

from __future__ import annotations

import re

MAX_LENGTH = 300
"""Characters; nothing longer is boilerplate."""

PHRASES = frozenset(
    line.strip()
    for line in """
    leave a reply, leave a comment, post a comment, post comment, add a comment, comment, comments, no comments
    comments are closed, view comments, join the conversation, cancel reply, reply, report, get link
    copy link, link copied, share, share this, share this article, share this story, share this post, share via
    share on, facebook, twitter, pinterest, whatsapp, linkedin, reddit, telegram, instagram, email, email this, blogthis
    print, print this page, tweet, save, bookmark, advertisement, advertisement continue reading below, ad, sponsored
    sponsored content, promoted content, paid content, story continues below advertisement
    article continues below advertisement, story continues after advertisement, read more, read also, also read
    read next, up next, continue reading, keep reading, read the full story, read the full article, see more, show more
    view more, load more, learn more, related, related articles, related article, related stories, related story
    related posts, related topics, related content, related links, related news, related coverage, recommended
    recommended for you, recommended stories, recommended reading, more on this story, more on this topic, more stories
    more news, most read, most popular, most viewed, trending, trending now, trending stories, editors picks
    editors choice, top stories, latest news, you may also like, you might also like, you may have missed, dont miss
    story highlights, subscribe, subscribe now, subscribe today, sign up, sign up now, sign in, log in, login, register
    newsletter, newsletters, sign up for our newsletter, subscribe to our newsletter, follow us, follow us on
    skip to content, skip to main content, skip to navigation, back to top, return to top, menu, main menu, navigation
    search, home, loading, previous, next, previous post, next post, previous article, next article, older posts
    newer posts, post navigation, about the author, about us, contact us, privacy policy, cookie policy, terms of use
    terms of service, terms and conditions, all rights reserved, cookie settings, manage cookies, accept all cookies
    accept cookies, accept all, got it, close, view gallery, watch now, watch live, listen now, permalink, download pdf
    download as pdf, image, video, thank you for reading, thanks for reading, support us, donate, donate now
    this is a modal window, play video, toggle navigation, filed under, tags, posted in, written by, your comment
    kommentar schreiben, kommentare, kommentar hinterlassen, hinterlasse einen kommentar, schreibe einen kommentar
    antworten, teilen, artikel teilen, merken, drucken, anzeige, werbung, weiterlesen, mehr lesen, mehr zum thema
    lesen sie auch, das könnte sie auch interessieren, auch interessant, newsletter abonnieren, jetzt abonnieren
    impressum, datenschutz, datenschutzerklärung, zur startseite, startseite, nach oben, zum inhalt springen
    ähnliche artikel, meistgelesen, anmelden, suche
    laisser un commentaire, commentaires, commenter, répondre, partager, partager cet article, publicité
    lire la suite, lire aussi, à lire aussi, lire plus, articles similaires, articles liés, sur le même sujet
    sabonner, abonnez vous, imprimer, mentions légales, politique de confidentialité, retour en haut, les plus lus
    deja un comentario, deja una respuesta, comentarios, responder, compartir, publicidad, leer más, seguir leyendo
    lea también, lee también, te puede interesar, artículos relacionados, noticias relacionadas, suscríbete, suscribirse
    imprimir, aviso legal, política de privacidad, volver arriba, lo más leído
    """.replace(",", "\n").splitlines()
    if line.strip()
)
"""Whole paragraphs in lower case, letters and spaces only."""

_DATE = r"""(?:
    \d{4}-\d\d-\d\d(?:T[\d:.+Z-]+)? | \d{1,2}[./]\d{1,2}[./]\d{4}
    | \d{1,2}(?:st|nd|rd|th)?\ (?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\.?,?\ \d{4}
    | (?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\.?\ \d{1,2},?\ \d{4}
    )"""
_TIME = r"(?:\d{1,2}[:.]\d{2}(?:[:.]\d{2})?\ ?(?:[ap]\.?m\.?)?\ ?(?:\(?[A-Z]{2,4}\)?)?)"
_AGENCY = r"""(?:getty(?:\ images)?|afp|reuters|ap(?:\ photo)?|epa|shutterstock|istock|alamy|bloomberg|unsplash|flickr
    |xinhua|dpa|ani|pti)"""
_PICTURE = r"(?:photo|photograph|image|picture|pic|illustration|graphic)"

PATTERNS = re.compile(
    rf"""
    # comments and sharing
    (?:your\ )?e-?mail\ address\ will\ not\ be\ published\b.{{0,80}} | required\ fields\ are\ marked.{{0,10}}
    | ihre\ e-mail-adresse\ wird\ nicht\ veröffentlicht\b.{{0,80}}
    | votre\ adresse\ e-?mail\ ne\ sera\ pas\ publiée\b.{{0,80}}
    | tu\ dirección\ de\ correo\ electrónico\ no\ será\ publicada\b.{{0,80}}
    | \d[\d.,]*\ ?[km]?\ (?:comments?|replies|shares|views|likes|retweets|kommentare?|commentaires|comentarios)
    | \d{{1,3}}[\ -]?min(?:ute)?s?\.?\ (?:read|to\ read) | reading\ time:?\ .{{1,20}}
    | (?:share|follow|join|like|find|watch)\ (?:us|this|me)\b.{{0,40}}\bon\ (?:facebook|twitter|x|whatsapp|telegram
        |instagram|linkedin|youtube|google\ news)\b[^.!?]{{0,60}}[.!]?
    # subscriptions, cookies, legal lines
    | (?:subscribe|sign\ up|register)(?:\ now|\ today|\ here)?\ (?:to|for)\ (?:our|the|a|free|daily|weekly|\w+['’]s)\b
        [^.!?,]{{0,40}}\b(?:newsletters?|mailing\ list|channel|podcast|inbox|e-?mail\ alerts)\b[^.!?]{{0,60}}[.!]?
    | get\ (?:the|our|all\ the)\b[^.!?]{{0,80}}\b(?:in|to)\ your\ inbox\b[^.!?]{{0,40}}[.!]?
    | (?:we|this\ (?:web)?site|our\ (?:web)?site)\ uses?\ cookies\b
        (?:(?:\ and\ (?:similar|other)\b.{{0,60}})?\ (?:to|for|on|in|so)\b.{{0,200}})?[.]?
    | by\ (?:continuing|using|clicking|browsing|signing\ up|subscribing)\b.{{0,80}}\b
        (?:you\ (?:agree|accept|consent|acknowledge)\ .{{0,30}}\bour\b|(?:this|our)\ (?:web)?(?:site|page|app)\b)
        .{{0,160}}
    | (?:copyright\ ?)?(?:©|\(c\)).{{0,160}} | copyright\ (?:\d{{4}}|by)\ .{{0,120}}
    | .{{0,160}}\ball\ rights\ reserved[.!]?(?:\ (?-i:[A-Z©]).{{0,80}})?
    | this\ material\ may\ not\ be\ (?:published|reproduced|copied)\b.{{0,240}}
    # agencies and credits
    | \(?with\ (?:additional\ )?(?:inputs?|reporting|files)\ from\ [^.]{{1,80}}\.?\)?
    | \(?(?:additional\ )?reporting\ (?:and\ writing\ )?by\ [^.]{{1,160}}\.?\)?
    | \(?this\ (?:story|report|article|copy)\ (?:has\ been|was|is)\ (?:published|auto-?generated|sourced)\b.{{0,40}}\b
        (?:feed|syndicated|agency|third\ party)\b.{{0,160}}
    | \(?(?:file\ )?{_PICTURE}(?:\ (?:credit|courtesy|by|source))*\ ?[:|]\ ?[^.!?]{{1,120}}[.]?\)?
    | file\ {_PICTURE}\b.{{1,260}}
    | [^!?]{{20,220}}\b{_PICTURE}(?:\ credit)?\ ?:\ ?(?-i:[A-Z(@])[^.!?:]{{1,60}}
    | [^!?]{{0,240}}(?:\b{_PICTURE}\ by\ (?-i:[A-Z])[^.!?]{{1,60}}
        |(?:[/|©]\ ?|\bvia\ |\bcourtesy\ of\ ){_AGENCY}\)?(?:\ via\ {_AGENCY})?)
    # what to read next
    | (?:also\ read|read\ also|read\ more|read\ next|read\ the\ full|see\ also|see\ more|watch\ now|related|recommended
        |don['’]t\ miss|more\ on\ this|lesen\ sie\ auch|mehr\ zum\ thema|(?:à\ )?lire\ aussi|lea\ también|lee\ también)
        \ ?[:|»›]\ ?.{{1,160}}
    | (?:also\ read|read\ more|read\ also)\ ?[–—-]\ ?[^.]{{1,160}}
    | live\ updates?\ ?:[^.!?]{{1,120}} | follow\ (?:our|all\ the|the)\ live\ (?:updates|blog|coverage)\b.{{0,80}}
    | (?:click|tap)\ here\ (?:to|for)\b[^.!?]{{1,100}}[.!]?
    # time stamps and bylines
    | (?:[^.!?]{{0,60}}?(?:updated|published|posted|modified|created|aktualisiert|veröffentlicht|publié|publicado)
        (?:\ (?:on|at|am|le|el))?\ ?:?\ ?)?{_DATE}(?:,?\ (?:at\ |um\ |[-–|·]\ )?{_TIME})?(?:\ ?[-–|·,]\ ?.{{0,40}})?
    | [^.!?]{{0,60}}?\b(?:updated|published|posted)(?:\ on)?\ ?:?\ (?:\d+\ \w+\ ago|{_TIME}.{{0,30}})
    | (?:written\ |reported\ |posted\ |edited\ )?(?-i:[Bb]y|BY)\ (?-i:[A-Z])[\w.'’-]+
        (?:[\ ,&|]+(?:(?-i:[A-Z])[\w.'’-]+|and|in|of|for|de|van|von|the|\d+)){{1,9}}
    # marks without words around them: links, pictures, comments
    | https?://\S+ | www\.\S+ | (?:!?\[[^\[\]]{{0,200}}\]\([^()\s]{{0,400}}\)\s?){{1,9}}
    | (?:\[[^\[\]]{{1,100}}\]:\ *\S+(?:\ *["'(][^"'()]{{0,100}}["')])?\ ?){{1,9}} | <!--.*--> | </?[a-z][^<>]{{0,200}}>
    """,
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
"""Whole paragraphs with white space collapsed. Each repetition is bounded, so no paragraph takes long."""

STAMP = re.compile(rf"(?:updated|published|posted|modified)\b.{{0,12}}{_DATE}", re.IGNORECASE | re.VERBOSE)
NAME_LINE = re.compile(r"(?:[A-Z][\w.'’-]*[ ,|/&]*){1,7}")
"""A line of capitalised words: names of authors and places."""

OUTER_MARKS = " \t:.*#_»›>«‹|•·–—-…!"


def is_boilerplate(text: str) -> bool:
    """True if a paragraph is boilerplate, or holds neither a letter nor a digit."""
    if len(text) > MAX_LENGTH:
        return not any(character.isalnum() for character in text)
    words = " ".join(text.split())
    bare = words.strip(OUTER_MARKS)
    if not any(character.isalnum() for character in bare):
        return True
    return _is_phrase(bare) or PATTERNS.fullmatch(words) is not None or _is_byline(text)


def is_label(line: str) -> bool:
    """True if a line is a known label of pages ('Advertisement'), so that it cannot be a title. 'Live updates: Russia
    invades Ukraine' can be one."""
    return len(line) <= MAX_LENGTH and _is_phrase(" ".join(line.split()).strip(OUTER_MARKS))


def _is_phrase(words: str) -> bool:
    letters = "".join(" " if character in "-–—" else character for character in words.casefold())
    return "".join(character for character in letters if character.isalpha() or character == " ") in PHRASES


def _is_byline(text: str) -> bool:
    """True for a few short lines of names, of which at least one is a time stamp."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not 2 <= len(lines) <= 5:
        return False
    stamped = [bool(STAMP.search(line)) and len(line) <= 120 for line in lines]
    return any(stamped) and all(
        stamp or NAME_LINE.fullmatch(line) or is_boilerplate(line) for stamp, line in zip(stamped, lines, strict=True)
    )
