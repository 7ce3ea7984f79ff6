package workspace_test

import (
	"crypto/ed25519"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"autonoma/internal/workspace"
	"autonoma/internal/workspace/workspacetest"
)

// An sshHost serves the repositories below a directory to whoever shows one key.
type sshHost struct {
	root  string
	addr  string // host:port
	host  ssh.Signer
	opens ssh.PublicKey

	mu       sync.Mutex
	offered  []string // keys
	commands []string
	settings []string // of the environment that the client sends
}

// newKey makes a key pair.
func newKey(t *testing.T) (ed25519.PrivateKey, ssh.Signer) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(nil)
	must(t, err)
	signer, err := ssh.NewSignerFromKey(private)
	must(t, err)
	return private, signer
}

// keyFile writes a private key to a file, as ssh wants it.
func keyFile(t *testing.T, private ed25519.PrivateKey) string {
	t.Helper()
	block, err := ssh.MarshalPrivateKey(private, "")
	must(t, err)
	path := filepath.Join(realTemp(t), "id")
	must(t, os.WriteFile(path, pem.EncodeToMemory(block), 0o600))
	return path
}

// serveSSH starts a host that the key opens.
func serveSSH(t *testing.T, root string, opens ssh.PublicKey) *sshHost {
	t.Helper()
	_, signer := newKey(t)
	h := &sshHost{root: root, host: signer, opens: opens}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	h.addr = ln.Addr().String()
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			all.Go(func() { h.serve(conn) })
		}
	})
	t.Cleanup(func() { ln.Close(); all.Wait() })
	return h
}

func (h *sshHost) serve(conn net.Conn) {
	defer conn.Close()
	config := &ssh.ServerConfig{PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		h.mu.Lock()
		defer h.mu.Unlock()
		if text := ssh.FingerprintSHA256(key); !slices.Contains(h.offered, text) {
			h.offered = append(h.offered, text)
		}
		if h.opens == nil || string(key.Marshal()) != string(h.opens.Marshal()) {
			return nil, errors.New("not this one")
		}
		return nil, nil
	}}
	config.AddHostKey(h.host)
	session, channels, requests, err := ssh.NewServerConn(conn, config)
	if err != nil {
		return
	}
	defer session.Close()
	go ssh.DiscardRequests(requests)
	for c := range channels {
		channel, requests, err := c.Accept()
		if err != nil {
			return
		}
		for r := range requests {
			h.obey(channel, r)
		}
	}
}

var gitCommand = regexp.MustCompile(`^(git-upload-pack|git-receive-pack) '(/[a-z./]+)'$`)

// obey does what a client asks for on a channel.
func (h *sshHost) obey(channel ssh.Channel, r *ssh.Request) {
	var text struct{ Value string }
	if r.Type != "exec" {
		h.mu.Lock()
		h.settings = append(h.settings, r.Type)
		h.mu.Unlock()
		_ = r.Reply(r.Type == "env", nil)
		return
	}
	_ = ssh.Unmarshal(r.Payload, &text)
	h.mu.Lock()
	h.commands = append(h.commands, text.Value)
	h.mu.Unlock()
	_ = r.Reply(true, nil)
	status := uint32(1)
	if m := gitCommand.FindStringSubmatch(text.Value); m != nil {
		cmd := exec.Command("git", strings.TrimPrefix(m[1], "git-"), h.root+m[2])
		cmd.Stdout, cmd.Stderr = channel, io.Discard
		in, err := cmd.StdinPipe()
		if err == nil && cmd.Start() == nil {
			go func() { _, _ = io.Copy(in, channel); in.Close() }()
			if cmd.Wait() == nil {
				status = 0
			}
		}
	}
	_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{status}))
	channel.Close()
}

// knownAs writes a file in which the host is known by the name.
func (h *sshHost) knownAs(t *testing.T, name string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(h.addr)
	must(t, err)
	path := filepath.Join(realTemp(t), "known_hosts")
	must(t, os.WriteFile(path, fmt.Appendf(nil, "[%s]:%s %s", name, port, ssh.MarshalAuthorizedKey(h.host.PublicKey())), 0o600))
	return path
}

// keysOf returns the keys that were offered, and forgets them.
func (h *sshHost) keysOf() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := h.offered
	h.offered = nil
	return all
}

// serveAgent runs an agent of ssh that holds a key, as a user's does.
func serveAgent(t *testing.T, private ed25519.PrivateKey) (socket string) {
	t.Helper()
	ring := agent.NewKeyring()
	must(t, ring.Add(agent.AddedKey{PrivateKey: private}))
	socket = filepath.Join(realTemp(t), "agent")
	ln, err := net.Listen("unix", socket)
	must(t, err)
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() { _ = agent.ServeAgent(ring, conn); conn.Close() }()
		}
	}()
	return socket
}

// A run on an ssh remote, with a key that is for it: the host is shown that key and no
// other, though there is an agent with another; it is known by the name that was asked
// for, and reached at the address that was judged.
func TestRunOnSSH(t *testing.T) {
	root := realTemp(t)
	dir, head := origin(t, root)
	private, mine := newKey(t)
	other, others := newKey(t)
	h := serveSSH(t, root, mine.PublicKey())
	network := []string{"SSH_AUTH_SOCK=" + serveAgent(t, other)}
	_, port, err := net.SplitHostPort(h.addr)
	must(t, err)
	location := "ssh://git@forge.example:" + port + "/r.git"
	good := workspace.Access{Name: "key", Key: keyFile(t, private), KnownHosts: h.knownAs(t, "forge.example"), Addresses: []netip.Addr{netip.MustParseAddr("127.0.0.1")}}
	s, err := workspace.Open(realTemp(t), workspace.Options{Network: network, Push: true, Reach: by(good)})
	must(t, err)
	before := workspacetest.Git(t, dir, "for-each-ref")
	commit, err := push(t, s, location, "autonoma/"+run)
	must(t, err)
	if after := workspacetest.Git(t, dir, "for-each-ref"); after != commit+" commit\trefs/heads/autonoma/"+run+"\n"+before {
		t.Errorf("references are %s, were %s", after, before)
	}
	if keys := h.keysOf(); !slices.Equal(keys, []string{ssh.FingerprintSHA256(mine.PublicKey())}) {
		t.Errorf("offered: %q", keys)
	}
	for _, c := range h.commands {
		if !gitCommand.MatchString(c) {
			t.Errorf("the host is asked for %q", c)
		}
	}
	for _, kind := range h.settings {
		if kind != "env" { // which is GIT_PROTOCOL
			t.Errorf("the client wants %s", kind)
		}
	}

	// Another name, another key, or no key: there is nothing, and nothing is offered.
	stranger, nobody, wrong := good, good, good
	stranger.KnownHosts = h.knownAs(t, "other.example")
	nobody.Key = ""
	wrong.Key = keyFile(t, other)
	for name, tt := range map[string]struct {
		access workspace.Access
		offers []string
	}{
		"a host that is not known": {stranger, nil}, "no key": {nobody, nil}, "another key": {wrong, []string{ssh.FingerprintSHA256(others.PublicKey())}},
	} {
		s, err := workspace.Open(realTemp(t), workspace.Options{Network: network, Reach: by(tt.access)})
		must(t, err)
		base, err := s.Prepare(t.Context(), run, workspace.Source{Kind: workspace.SourceURL, Location: location}, "")
		if refused, ok := errors.AsType[*workspace.SourceError](err); !ok || refused.Reason != workspace.ReasonUnreachable || base.Commit == head {
			t.Errorf("%s: %+v %v", name, base, err)
		}
		if keys := h.keysOf(); !slices.Equal(keys, tt.offers) {
			t.Errorf("%s: offered %q", name, keys)
		}
	}

	// The trap does spring: ssh by itself offers what the agent has.
	plain := exec.CommandContext(t.Context(), "ssh", "-F/dev/null", "-oBatchMode=yes", "-oUserKnownHostsFile="+h.knownAs(t, "127.0.0.1"), "-p", port, "git@127.0.0.1", "true")
	plain.Env = append(os.Environ(), network...)
	_ = plain.Run() // it is not let in
	if keys := h.keysOf(); !slices.Contains(keys, ssh.FingerprintSHA256(others.PublicKey())) {
		t.Errorf("ssh by itself offers %q", keys)
	}
}
