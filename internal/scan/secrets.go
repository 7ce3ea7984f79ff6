package scan

import (
	"regexp"
	"slices"
	"strings"
	"sync"

	"autonoma"
)

// Secrets returns what looks like a secret in lines of a file. Values that stand for
// another (a placeholder, an example, a variable) are none, and neither are the digests
// in lock files. In tests and examples only what has the form of a real token counts.
func Secrets(path string, lines []Line) []Finding {
	switch {
	case isLock(path):
		return find(exactRules(), path, lines)
	case slices.Contains([]string{"conf", "yaml", "docker", "shell", "workflow"}, language(path)):
		return find(plainRules(), path, lines)
	}
	return find(secretRules(), path, lines)
}

// The tables are compiled at first use: most processes never need them.
var (
	secretRules = sync.OnceValue(func() []rule { return append(tokens(), guesses()...) })
	exactRules  = sync.OnceValue(func() []rule {
		return slices.DeleteFunc(tokens(), func(r rule) bool { return r.tests != same })
	})
	plainRules = sync.OnceValue(func() []rule { return append(secretRules(), plain()...) })
)

// nameForm is what a variable is called that holds a secret.
const nameForm = `(?:passw(?:or)?d|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|auth[_-]?key|private[_-]?key|encryption[_-]?key|signing[_-]?key|credential)s?`

// noSecret are names that hold such a word and no secret.
var noSecret = regexp.MustCompile(`(?i)(?:name|file|path|dir|url|uri|id|field|header|type|env|var|length|len|size|label|title|placeholder|regexp?|pattern|hint|help|message|msg|error|ref|arn|expir\w*|ttl|count|limit|policy|prefix|suffix|format|version|algorithm|alg|hash|digest|checksum|sha256|public\w*|usage|column|attribute|class|selector|endpoint|issuer|audience|scope|max_tokens|tokenizer|role|status)["']?\s*(?::=|=>|=|:)|(?:public|publishable|max|num|csrf|next|page|continuation|css|lexer?|parse)[_-]?(?:api[_-]?)?(?:key|tokens?)`)

// guesses are the rules for values that are told by what they are assigned to.
func guesses() []rule {
	return []rule{{
		name: "assigned_secret", what: "a password, key or token is written into the source", risk: autonoma.HighRisk, tests: silent,
		words: []string{"pass", "pwd", "secret", "token", "key", "credential"}, folds: true, lowers: true,
		form:   regexp.MustCompile(nameForm + `[a-z0-9_]*["']?\]?\s*(?::\s*\w+\s*)?(?::=|=>|=|:)\s*[bru]?["'` + "`" + `]([^"'` + "`" + `\s]+)["'` + "`" + `]`),
		unless: noSecret, value: guessable,
	}}
}

// plain are the rules for files that do not quote their values.
func plain() []rule {
	return []rule{{
		name: "configured_secret", what: "a password, key or token is written into a configuration", risk: autonoma.HighRisk, tests: silent,
		words: []string{"pass", "pwd", "secret", "token", "key", "credential"}, folds: true, lowers: true,
		form:   regexp.MustCompile(`^\s*(?:-\s+)?(?:(?:export|env|arg)\s+)?[a-z0-9_.-]*` + nameForm + `[a-z0-9_]*\s*[=:]\s*([^\s"'#]+)\s*$`),
		unless: noSecret, value: guessable,
	}}
}

// guessable reports whether a value is likely a secret and not a word, a name, or what
// leads to one: it has letters and digits, or all kinds of signs, in no order.
func guessable(v string) bool {
	if len(v) < 8 || len(v) > 200 || standsIn(v) || reference.MatchString(v) || entropy(v) < 3 {
		return false
	}
	digit := strings.ContainsAny(v, "0123456789")
	letter := strings.ContainsAny(strings.ToLower(v), "abcdefghijklmnopqrstuvwxyz")
	sign := strings.ContainsAny(v, "!#$%^&*?+=~")
	if !letter || !digit && !sign {
		return false
	}
	return !wordy.MatchString(v)
}

// reference is the form of values that say where a secret is: variables, paths, URLs,
// calls, resources of clouds, digests.
var reference = regexp.MustCompile(`(?i)^(?:\$|%|\{|<|@|\[|\(|/|\./|~/|!|&|\*)|\$\{|\{\{|%[sdvq]\b|\(\)|\)$|://|^(?:env|vault|file|ref|arn|secret|ssm|op|keyring|projects|sha\d+|md5|urn|data)[:/-]|^(?:process|os|config|settings|env|self|this|ctx|secrets?|vars?|var|local|data|module|req|request|params|props|state|options?|args|import)\.|\.(?:json|ya?ml|txt|pem|key|crt|conf|md|go|py|js|ts|html)$`)

// wordy is the form of names, words with few digits at their end, joined by signs; and
// of what people are shown, words of any language with a mark at their end.
var wordy = regexp.MustCompile(`^(?:[A-Za-z]+[0-9]{0,2}[-_./:,])*[A-Za-z]+[0-9]{0,2}$|^(?:[\pL\pM]+[-_./:,’])*[\pL\pM]+[!?*:.…]*$`)
