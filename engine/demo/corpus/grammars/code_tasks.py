"""What the Python functions of the corpus do.

A block is one task: what is asked for, the function's name and what it returns, and its body, in
which {p} is the parameter, {k} a number and {letter} a letter.
"""

ON_A_STRING = """
reverse a string
reverse_string: the text in reverse order
return {p}[::-1]

count the vowels in a string
count_vowels: the number of vowels
return sum(1 for c in {p} if c in "aeiou")

make a string upper case
to_upper: the text in capital letters
return {p}.upper()

make a string lower case
to_lower: the text in small letters
return {p}.lower()

count the words in a string
count_words: the number of words
return len({p}.split())

check whether a string is a palindrome
is_palindrome: True if the text reads the same backwards
return {p} == {p}[::-1]

remove the spaces from a string
remove_spaces: the text without spaces
return {p}.replace(" ", "")

get the first {k=number} letters of a string
first_{k}_letters: the first {k} letters
return {p}[:{k}]

get the last {k=number} letters of a string
last_{k}_letters: the last {k} letters
return {p}[-{k}:]

repeat a string {k=number} times
repeat_{k}_times: the text {k} times
return {p} * {k}

check whether a string is longer than {k=number} letters
is_longer_than_{k}: True if the text has more than {k} letters
return len({p}) > {k}

split a string into words
split_words: the words of the text
return {p}.split()

count the letter {letter} in a string
count_{letter}: how often the letter {letter} occurs
return {p}.count("{letter}")

remove the letter {letter} from a string
remove_{letter}: the text without the letter {letter}
return {p}.replace("{letter}", "")

check whether a string starts with {letter}
starts_with_{letter}: True if the text starts with {letter}
return {p}.startswith("{letter}")

sort the letters of a string
sort_letters: the letters in order
return "".join(sorted({p}))
"""

ON_A_LIST = """
add all numbers in a list
add_all: the sum of the numbers
total = 0
for item in {p}:
    total += item
return total

find the largest number in a list
find_largest: the largest number
return max({p})

find the smallest number in a list
find_smallest: the smallest number
return min({p})

compute the average of a list
average: the mean of the numbers
return sum({p}) / len({p})

multiply every number in a list by {k=number}
multiply_by_{k}: each number times {k}
return [item * {k} for item in {p}]

add {k=number} to every number in a list
add_{k}_to_all: each number plus {k}
return [item + {k} for item in {p}]

keep the numbers greater than {k=number}
greater_than_{k}: the numbers above {k}
return [item for item in {p} if item > {k}]

keep the numbers less than {k=number}
less_than_{k}: the numbers below {k}
return [item for item in {p} if item < {k}]

keep the even numbers in a list
keep_even: the even numbers
return [item for item in {p} if item % 2 == 0]

keep the odd numbers in a list
keep_odd: the odd numbers
return [item for item in {p} if item % 2 == 1]

count the numbers divisible by {k=number}
count_divisible_by_{k}: how many numbers {k} divides
count = 0
for item in {p}:
    if item % {k} == 0:
        count += 1
return count

sort a list of numbers
sort_numbers: the numbers in order
return sorted({p})

reverse a list
reverse_list: the list in reverse order
return {p}[::-1]

remove duplicates from a list
remove_duplicates: each item once
result = []
for item in {p}:
    if item not in result:
        result.append(item)
return result

square every number in a list
square_all: the squares of the numbers
return [item ** 2 for item in {p}]

check whether {k=number} is in a list
contains_{k}: True if {k} is in the list
return {k} in {p}

get the first {k=number} items of a list
first_{k}_items: the first {k} items
return {p}[:{k}]

multiply all numbers in a list
multiply_all: the product of the numbers
product = 1
for item in {p}:
    product *= item
return product
"""

ON_WORDS = """
find the longest word in a list
longest_word: the longest word
return max({p}, key=len)

join a list of words with spaces
join_words: the words in one line
return " ".join({p})

keep the words longer than {k=number} letters
longer_than_{k}: the words with more than {k} letters
return [w for w in {p} if len(w) > {k}]

make every word in a list upper case
all_upper: the words in capital letters
return [w.upper() for w in {p}]

count the words that start with {letter}
count_with_{letter}: how many words start with {letter}
return sum(1 for w in {p} if w.startswith("{letter}"))

get the length of every word in a list
word_lengths: the length of each word
result = []
for w in {p}:
    result.append(len(w))
return result

sort a list of words
sort_words: the words in order
return sorted({p})
"""

ON_A_NUMBER = """
square a number
square: the number times itself
return {p} * {p}

double a number
double: twice the number
return {p} * 2

check whether a number is even
is_even: True if two divides the number
return {p} % 2 == 0

check whether a number is odd
is_odd: True if two does not divide the number
return {p} % 2 == 1

add {k=number} to a number
add_{k}: the number plus {k}
return {p} + {k}

subtract {k=number} from a number
subtract_{k}: the number minus {k}
return {p} - {k}

multiply a number by {k=number}
times_{k}: the number times {k}
return {p} * {k}

divide a number by {k=number}
divide_by_{k}: the number divided by {k}
return {p} / {k}

check whether a number is divisible by {k=number}
is_divisible_by_{k}: True if {k} divides the number
return {p} % {k} == 0

compute the factorial of a number
factorial: the product of all numbers up to this one
result = 1
for i in range(1, {p} + 1):
    result *= i
return result

raise a number to the power of {k=number}
power_{k}: the number to the power of {k}
return {p} ** {k}

count down from a number
count_down: the numbers down to one
result = []
while {p} > 0:
    result.append({p})
    {p} -= 1
return result

compute the absolute value of a number
absolute_value: the number without its sign
if {p} < 0:
    return -{p}
return {p}

convert hours to minutes
hours_to_minutes: the minutes in these hours
return {p} * 60

compute the sum of the digits of a number
digit_sum: the sum of the digits
return sum(int(d) for d in str({p}))

check whether a number is greater than {k=number}
is_greater_than_{k}: True if the number is above {k}
if {p} > {k}:
    return True
return False
"""
