"""The passwords that credential-stuffing tools try first, case-folded, and what they are made of.

Short on purpose: it stops the guesses that fit into the attempts an account allows. A full breach
corpus belongs behind a service of its own, not into a package.
"""

_WORDS = """
password passw0rd p@ssword p@ssw0rd pa55word passwort motdepasse contraseña mima wachtwoord
qwerty qwertyui qwertyuiop qwertz qwertzuiop azerty azertyuiop qazwsx qazwsxedc asdfgh asdfghjk
asdfghjkl zxcvbn zxcvbnm 1qaz2wsx 1q2w3e4r 1q2w3e4r5t q1w2e3r4 q1w2e3r4t5 zaq12wsx zaq1zaq1
12345678 123456789 1234567890 12345678910 0123456789 987654321 9876543210 87654321 11223344
1122334455 123123123 123321123 12341234 11112222 00001111 13131313 12121212 147258369 741852963
789456123 456789123 159753456 123654789 1234qwer qwer1234 asdf1234 abcd1234 abc12345 a1b2c3d4
1a2b3c4d aa123456 123456aa 123456abc abcdefgh abcdefghi abcdefg1 abc123456 123456789a a123456789
letmein letmein1 welcome welcome1 iloveyou iloveyou1 iloveu loveyou lovely princess sunshine
football baseball basketball soccer hockey superman batman spiderman starwars pokemon naruto
dragon monkey shadow master michael jennifer jessica ashley jordan daniel charlie andrew thomas
michelle nicole hannah matthew anthony joshua robert william alexander samantha elizabeth
computer internet internet1 samsung google facebook whatever trustno1 hello123 hellohello
freedom mustang corvette ferrari mercedes porsche harley yankees liverpool chelsea arsenal
barcelona manchester juventus realmadrid admin admin123 administrator adminadmin root toor
rootroot guest guest123 test test1234 testtest testing tester changeme changeit default secret
secret123 topsecret secure security login loginlogin master123 access access14 system server
database oracle postgres cisco ubuntu windows microsoft apple123 android linkedin dropbox
chocolate cheese banana cookie butterfly flower rainbow diamond forever summer winter spring
autumn january february october november december monday friday sunday christmas birthday
purple orange yellow silver golden angel angels babygirl babyboy sweety honey lovers blessed
jesus jesuschrist heaven killer hunter ranger maverick phoenix warrior thunder lightning
passpass password1234 mypassword newpassword yourpassword thepassword passwordpassword pass1234
woaini woaini1314 woaini520 5201314 1314520 147896325 qq123456 a5201314 wodemima
"""

COMMON_PASSWORDS = frozenset(_WORDS.split())
