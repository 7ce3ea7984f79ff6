package remote

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"autonoma/internal/workspace"
)

// A Source is a place on a host that the operator names, and who git is there. With
// neither token nor key it says that the place may be reached, wherever it is.
type Source struct {
	At string `yaml:"at"` // host, host:port, or either with the beginning of a path

	TokenEnv  string `yaml:"tokenEnv"`  // for https: the variable of the environment that holds the token
	TokenFile string `yaml:"tokenFile"` // or the file, which is read each time
	User      string `yaml:"user"`      // that goes with the token; empty: one that forges take

	SSHKey     string `yaml:"sshKey"`     // for ssh: the file of the private key
	KnownHosts string `yaml:"knownHosts"` // the file with the keys of the host; empty: those of the system and the user

	Tenants []string `yaml:"tenants"` // names of those who may use it; empty: all

	token func() (string, error)
}

var (
	atForm   = regexp.MustCompile(`^([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(:[0-9]{1,5})?(/[^?#]*)?$`)
	envForm  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	fileForm = regexp.MustCompile(`^/[^\s%"'$\\]*$`)
	userForm = regexp.MustCompile(`^[A-Za-z0-9._-]*$`)
)

// Check returns all that is wrong with a description.
func (s *Source) Check() error {
	var faults []error
	wrong := func(ok bool, key, what string) {
		if !ok {
			// A password that somebody wrote before the host is not repeated.
			faults = append(faults, fmt.Errorf("source %q: %s %s", s.At[strings.LastIndexByte(s.At, '@')+1:], key, what))
		}
	}
	s.At = lowerHost(strings.TrimPrefix(s.At, "https://"))
	wrong(atForm.MatchString(s.At) && !strings.Contains(s.At, ".."), "at", "must be a host, and may have a port and the beginning of a path, as in git.example.com:8443/team")
	wrong(s.TokenEnv == "" || envForm.MatchString(s.TokenEnv), "tokenEnv", "must name the variable of the environment that holds the token")
	wrong(s.TokenEnv == "" || s.TokenFile == "", "tokenFile", "must not be there beside tokenEnv")
	wrong(!s.hasToken() || s.SSHKey == "", "sshKey", "must not be there beside a token: name the place twice")
	wrong(userForm.MatchString(s.User), "user", "must be of letters, digits, dots and dashes")
	wrong(s.Tenants == nil || len(s.Tenants) > 0, "tenants", "must name somebody; leave it out to let all use it")
	wrong(s.KnownHosts == "" || s.SSHKey != "", "knownHosts", "is of use only beside sshKey")
	for key, path := range map[string]string{"tokenFile": s.TokenFile, "sshKey": s.SSHKey, "knownHosts": s.KnownHosts} {
		wrong(path == "" || fileForm.MatchString(path), key, "must be an absolute path without spaces, quotes, % and $")
	}
	return errors.Join(faults...)
}

// lowerHost writes the host in small letters.
func lowerHost(at string) string {
	host, path, found := strings.Cut(at, "/")
	if !found {
		return strings.ToLower(at)
	}
	return strings.ToLower(host) + "/" + path
}

// Open makes a source ready for use. A token of the environment is looked up once; files
// have to be readable by nobody else.
func (s *Source) Open(getenv func(string) string) error {
	switch {
	case s.TokenEnv != "":
		token := strings.TrimSpace(getenv(s.TokenEnv))
		if token == "" {
			return fmt.Errorf("source %q: there is no token in %s", s.At, s.TokenEnv)
		}
		s.token = func() (string, error) { return proper(token) }
	case s.TokenFile != "":
		s.token = func() (string, error) { return readToken(s.TokenFile) }
	default:
		if s.SSHKey == "" {
			return nil
		}
		return private(s.SSHKey)
	}
	_, err := s.token()
	if err != nil {
		err = fmt.Errorf("source %q: %w", s.At, err)
	}
	return err
}

// Secret returns what of the source must be told to nobody: its token, or the content
// of its key.
func (s *Source) Secret() (string, error) {
	if s.token != nil {
		return s.token()
	}
	if s.SSHKey == "" {
		return "", nil
	}
	key, err := os.ReadFile(s.SSHKey)
	return string(key), err
}

func readToken(path string) (string, error) {
	if err := private(path); err != nil {
		return "", err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	return proper(strings.TrimSpace(string(text)))
}

// proper returns a token that can be sent at all.
func proper(token string) (string, error) {
	if token == "" || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", errors.New("is no token: it must be one line of printable characters")
	}
	return token, nil
}

// private returns an error if others can read a file.
func private(path string) error {
	info, err := os.Stat(path)
	if err == nil && info.Mode().Perm()&0o077 != 0 {
		err = fmt.Errorf("%s can be read by others: chmod 600 it", path)
	}
	return err
}

func (s *Source) hasToken() bool { return s.TokenEnv != "" || s.TokenFile != "" }

func (s *Source) host() string {
	if m := atForm.FindStringSubmatch(s.At); m != nil {
		return strings.Trim(m[1], "[]")
	}
	return ""
}

func (s *Source) port() string {
	if m := atForm.FindStringSubmatch(s.At); m != nil {
		return strings.TrimPrefix(m[2], ":")
	}
	return ""
}

func (s *Source) path() string {
	if m := atForm.FindStringSubmatch(s.At); m != nil {
		return strings.Trim(m[3], "/")
	}
	return ""
}

// covers reports whether the source speaks of a place.
func (s *Source) covers(to place) bool {
	usual := map[bool]string{false: "443", true: "22"}[to.ssh]
	port := s.port()
	if port == "" {
		port = usual
	}
	serves := to.ssh && !s.hasToken() || !to.ssh && s.SSHKey == ""
	prefix := s.path()
	below := prefix == "" || to.path == prefix || strings.TrimSuffix(to.path, ".git") == prefix || strings.HasPrefix(to.path, prefix+"/")
	return serves && s.host() == to.host && port == to.port && below
}

// access is how git reaches what the source covers. The host may be anywhere: the
// operator has named it.
func (s *Source) access(to place) (workspace.Access, error) {
	switch {
	case to.ssh && s.SSHKey == "":
		return workspace.Access{}, denied("give its https:// URL, or let the operator name a key for it under sources", "there is no ssh key for %s here", to.host)
	case to.ssh:
		return workspace.Access{Name: "key " + s.SSHKey, Key: s.SSHKey, KnownHosts: s.KnownHosts}, nil
	case s.token == nil:
		return workspace.Access{}, nil
	}
	token, err := s.token()
	if err != nil {
		return workspace.Access{}, fmt.Errorf("source %q: %w", s.At, err)
	}
	user := s.User
	if user == "" {
		user = "x-access-token"
	}
	return workspace.Access{Name: "token of " + strings.Join(append(slices.Clone(s.Tenants), s.At), " "), User: user, Password: token}, nil
}
