package workspace

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

// An Access is how git may reach a remote. What is not in it, it does not have: the
// zero Access is nobody.
type Access struct {
	Name           string // of the credential, to tell what was fetched with it from what others may see
	User, Password string // with which git answers if an https host wants to know who comes

	Key        string // the file of the one key that is shown to an ssh host; empty: none is
	KnownHosts string // the file with the keys that ssh hosts may have; empty: the files of the system and the user

	// Addresses are where the host is, so that git looks up no name itself; empty: it
	// does.
	Addresses []netip.Addr

	// Own says that git comes as the user we run as: with their keys, their agent and
	// their settings of ssh.
	Own bool
}

// access asks how a run's source may be reached.
func (s *Store) access(ctx context.Context, base Base) (Access, error) {
	if s.reach == nil {
		return Access{}, nil
	}
	return s.reach(ctx, base.Tenant, base.Source)
}

// cache is the key of the cache of a URL: what was fetched with a credential is not for
// those who lack it.
func (a Access) cache(location string) string {
	if a.Name == "" {
		return location
	}
	return location + "\n" + a.Name
}

// helper gives git what it asks for if a host wants to know who comes.
const helper = `!printf 'username=%s\npassword=%s\n' "$AUTONOMA_GIT_USER" "$AUTONOMA_GIT_PASSWORD"; :`

// reaching returns the arguments and the environment with which git reaches a remote as
// the access says. The password is in the environment of git alone, for arguments are
// seen by all and files stay; and it is said to the host of the URL and to no other.
func reaching(remote string, a Access) (args, env []string) {
	host, port, _, ssh, ok := Endpoint(remote)
	if !ok {
		return nil, nil
	}
	if ssh {
		return nil, []string{"GIT_SSH_VARIANT=ssh", "GIT_SSH_COMMAND=" + sshCommand(host, port, a)}
	}
	at := host + ":" + cmp.Or(port, "443")
	if len(a.Addresses) > 0 {
		args = append(args, "-c", "http.curloptResolve="+at+":"+joinAddrs(a.Addresses))
	}
	if a.Password == "" {
		return args, nil
	}
	if port != "" {
		host += ":" + port
	}
	return append(args, "-c", "credential.https://"+host+".helper="+helper),
		[]string{"AUTONOMA_GIT_USER=" + a.User, "AUTONOMA_GIT_PASSWORD=" + a.Password}
}

// Endpoint takes the URL of a remote apart, of the forms that [Resolve] lets pass. An
// IPv6 address keeps its brackets.
func Endpoint(remote string) (host, port, path string, ssh, ok bool) {
	if u, err := url.Parse(remote); err == nil && (u.Scheme == "https" || u.Scheme == "ssh") {
		port = u.Port()
		return strings.TrimSuffix(u.Host, ":"+port), port, u.Path, u.Scheme == "ssh", u.Host != ""
	}
	if m := scpForm.FindStringSubmatch(remote); m != nil && !strings.Contains(remote, "://") {
		return m[2], "", m[3], true, true
	}
	return "", "", "", false, false
}

func joinAddrs(addrs []netip.Addr) string {
	texts := make([]string, len(addrs))
	for i, a := range addrs {
		texts[i] = a.Unmap().String()
		if a.Unmap().Is6() {
			texts[i] = "[" + texts[i] + "]"
		}
	}
	return strings.Join(texts, ",")
}

// sshCommand is what git starts to reach an ssh host. But for the user's own, it reads
// no settings, offers one key or none, and gives nothing of ours to the host.
func sshCommand(host, port string, a Access) string {
	words := []string{"ssh", "-oBatchMode=yes"}
	if a.Own {
		return strings.Join(words, " ")
	}
	words = append(words, "-F/dev/null", "-oIdentitiesOnly=yes", "-oIdentityAgent=none", "-oIdentityFile="+cmp.Or(a.Key, "none"),
		"-oPreferredAuthentications=publickey", "-oStrictHostKeyChecking=yes", "-oUpdateHostKeys=no",
		"-oForwardAgent=no", "-oForwardX11=no", "-oClearAllForwardings=yes", "-oPermitLocalCommand=no", "-oProxyCommand=none", "-oControlMaster=no", "-oControlPath=none")
	if a.KnownHosts != "" {
		words = append(words, "-oUserKnownHostsFile="+a.KnownHosts, "-oGlobalKnownHostsFile=/dev/null")
	}
	if len(a.Addresses) > 0 {
		alias := strings.Trim(host, "[]")
		if port != "" && port != "22" {
			alias = fmt.Sprintf("[%s]:%s", alias, port)
		}
		words = append(words, "-oHostName="+a.Addresses[0].Unmap().String(), "-oHostKeyAlias="+alias)
	}
	for i, w := range words {
		words[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
	}
	return strings.Join(words, " ")
}
