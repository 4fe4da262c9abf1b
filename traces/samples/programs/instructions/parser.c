/* Recursive-descent parser of nested expressions, 24,000 characters of text: a switch over characters (an indirect
 * jump), calls and returns of varying depth, and branches that follow the text. */
#include "region.h"

#define CHARACTERS 24000

static char text[CHARACTERS + 64];
static size_t length;
static uint64_t drawn;

static uint64_t draw(uint64_t below)
{
    return mix(++drawn) % below;
}

static void write_number(void)
{
    for (uint64_t digits = 1 + draw(4); digits > 0; digits--)
        text[length++] = (char)('1' + draw(9));
}

static void write_expression(int depth)
{
    for (uint64_t terms = 1 + draw(3); terms > 0; terms--) {
        if (depth > 0 && draw(2) == 0) {
            text[length++] = "([{"[draw(3)];
            write_expression(depth - 1);
            text[length++] = ')';
        } else if (draw(3) == 0) {
            text[length++] = (char)('a' + draw(26));
        } else {
            write_number();
        }
        if (draw(4) == 0)
            text[length++] = ' ';
        if (terms > 1)
            text[length++] = "+-*/%&|"[draw(7)];
    }
}

static uint64_t variable[26];

__attribute__((noinline)) static uint64_t expression(const char **at);

__attribute__((noinline)) static uint64_t term(const char **at)
{
    uint64_t value = 0;
    for (;;) {
        char c = *(*at)++;
        switch (c) {
        case ' ': case '\n':
            continue;
        case '(':
            value = expression(at);
            break;
        case '[':
            value = expression(at) << 1;
            break;
        case '{':
            value = ~expression(at);
            break;
        case '0': case '1': case '2': case '3': case '4': case '5': case '6': case '7': case '8': case '9':
            value = (uint64_t)(c - '0');
            while (**at >= '0' && **at <= '9')
                value = value * 10 + (uint64_t)(*(*at)++ - '0');
            break;
        default:
            value = variable[(c - 'a') % 26]++;
        }
        while (**at == ' ')
            ++*at;
        return value;
    }
}

static uint64_t expression(const char **at)
{
    uint64_t value = term(at);
    for (;;) {
        char c = *(*at)++;
        switch (c) {
        case '+':
            value += term(at);
            break;
        case '-':
            value -= term(at);
            break;
        case '*':
            value *= term(at);
            break;
        case '/':
            value /= term(at) | 1;
            break;
        case '%':
            value %= term(at) | 1;
            break;
        case '&':
            value &= term(at);
            break;
        case '|':
            value |= term(at);
            break;
        case ')':
            return value;
        default:
            --*at;
            return value;
        }
    }
}

int main(void)
{
    uint64_t sum = 0, lines = 0;
    while (length < CHARACTERS - 2000) {
        write_expression(6);
        text[length++] = '\n';
        if (length > CHARACTERS - 1000)
            break;
    }
    region_begins();
    for (const char *at = text; *at; lines++) {
        sum += expression(&at);
        while (*at == '\n')
            at++;
    }
    region_ends();
    printf("%llu expressions, sum %llx\n", (unsigned long long)lines, (unsigned long long)sum);
    return 0;
}
