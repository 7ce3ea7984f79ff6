package sandbox

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// callOut says its first argument to whom the environment names as the proxy, and
// tells what the answer is. With a second one it stays on the line.
func callOut(args []string) error {
	proxy, err := url.Parse(os.Getenv("https_proxy"))
	if err != nil {
		return err
	}
	c, err := net.Dial("tcp", proxy.Host)
	if err != nil {
		return err
	}
	defer c.Close()
	fmt.Fprintln(c, args[0])
	answer, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		return err
	}
	fmt.Print(answer)
	if len(args) > 1 {
		_, err = io.Copy(io.Discard, c)
	}
	return err
}

// answering answers each connection with a word and what it said, and stays with it
// to its end.
func answering(word string, heard *atomic.Int64) func(net.Listener) {
	return func(l net.Listener) {
		var all sync.WaitGroup
		defer all.Wait()
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer c.Close()
				said, _ := bufio.NewReader(c).ReadString('\n')
				heard.Add(1)
				fmt.Fprint(c, word, " ", said)
				io.Copy(io.Discard, c)
			})
		}
	}
}

// With a way out, a command reaches what stands there, and nothing else.
func TestWayOut(t *testing.T) {
	host := newHost(t)
	level(t, all, func(t *testing.T, s Sandbox) {
		var heard atomic.Int64
		c := attacking(t, "call out", "hello")
		c.Egress = answering("you said", &heard)
		if got := run(t, s, c); !got.OK() || got.out != "you said hello\ndone\n" || heard.Load() != 1 {
			t.Errorf("%+v %s after %d connections", got.Exit, got.out, heard.Load())
		}
		if s.Level() == None {
			return
		}
		for attack, arg := range map[string]string{"tcp": host.tcp, "read": host.secret, "unix": host.path, "signal": host.victim} {
			c := attacking(t, attack, arg)
			c.Egress = answering("", &heard)
			if got := run(t, s, c); got.Code != 1 {
				t.Errorf("%s %s: %+v %s", attack, arg, got.Exit, got.out)
			}
		}
		if got := sh(t, s, "getent hosts localhost && ! getent hosts example.com; ls /proc/self/fd | wc -l", Command{Egress: answering("", &heard)}); !strings.HasSuffix(got.out, "localhost\n4\n") {
			t.Errorf("names and descriptors: %s", got.out)
		}
	})
}

// Without one there is none, and nothing says that there is.
func TestNoWayOut(t *testing.T) {
	level(t, confining, func(t *testing.T, s Sandbox) {
		if got := sh(t, s, "env | grep -i prox", Command{}); got.Code != 1 {
			t.Errorf("the environment has %s", got.out)
		}
		c := attacking(t, "tcp", fmt.Sprintf("127.0.0.1:%d", wayOutPort))
		if got := run(t, s, c); got.Code != 1 {
			t.Errorf("%+v %s", got.Exit, got.out)
		}
	})
}

// Commands at the same time have a way out each.
func TestWaysOutApart(t *testing.T) {
	level(t, all, func(t *testing.T, s Sandbox) {
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				var heard atomic.Int64
				word := fmt.Sprint("way", i)
				c := attacking(t, "call out", "hello")
				c.Egress = answering(word, &heard)
				if got := run(t, s, c); got.out != word+" hello\ndone\n" || heard.Load() != 1 {
					t.Errorf("%s: %+v %s after %d connections", word, got.Exit, got.out, heard.Load())
				}
			})
		}
		all.Wait()
	})
}

// However a command ends, its way out ends with it, with what was on the line.
func TestWayOutEnds(t *testing.T) {
	level(t, all, func(t *testing.T, s Sandbox) {
		before, goroutines := descriptors(t), runtime.NumGoroutine()
		var heard atomic.Int64
		for name, end := range map[string]func(c *Command) (context.Context, error){
			"by a limit": func(c *Command) (context.Context, error) {
				c.Limits.Wall = 500 * time.Millisecond
				return t.Context(), nil
			},
			"by a word": func(*Command) (context.Context, error) {
				ctx, cancel := context.WithCancel(t.Context())
				go func() {
					for heard.Load() == 0 {
						time.Sleep(time.Millisecond)
					}
					cancel()
				}()
				return ctx, nil
			},
			"before it began": func(c *Command) (context.Context, error) {
				c.Argv = []string{"no-such-program"}
				return t.Context(), ErrNotFound
			},
		} {
			heard.Store(0)
			c := attacking(t, "call out", "hello", "and stay")
			c.Stdout = io.Discard
			open := false // a busy machine may come to the limit before it is opened
			c.Egress = func(l net.Listener) {
				open = true
				answering("", &heard)(l)
				open = false
			}
			ctx, want := end(&c)
			e, err := s.Run(ctx, c)
			if !errors.Is(err, want) || e.OK() && want == nil {
				t.Errorf("%s: ended with %+v, %v", name, e, err)
			}
			if open {
				t.Errorf("%s: the way out is still open", name)
			}
		}
		eventually(t, "no descriptor and no goroutine is left", func() bool {
			return descriptors(t) <= before && runtime.NumGoroutine() <= goroutines
		})
	})
}

// Programs look for a proxy in many places, and the caller's word about it does
// not count. Where others of the host could use it, there is a password to it.
func TestWayOutVariables(t *testing.T) {
	level(t, all, func(t *testing.T, s Sandbox) {
		var want string
		egress := func(l net.Listener) {
			if p, ok := l.(interface{ ProxyAuthorization() string }); ok {
				want = p.ProxyAuthorization()
			}
		}
		got := sh(t, s, `printf '%s\n' "$http_proxy" "$HTTPS_PROXY" "$ALL_PROXY" "$no_proxy" "$MAVEN_OPTS" "$GRADLE_OPTS"`,
			Command{Egress: egress, Env: []string{"HTTPS_PROXY=http://elsewhere", "MAVEN_OPTS=-Xmx1g"}})
		line := strings.Split(got.out, "\n")
		at, err := url.Parse(line[0])
		if err != nil || at.Hostname() != "127.0.0.1" || line[1] != line[0] || line[2] != line[0] {
			t.Errorf("the proxy is %q", line[:3])
		}
		if !strings.Contains(line[3], "localhost") {
			t.Errorf("no_proxy is %q", line[3])
		}
		if !strings.HasPrefix(line[4], "-Xmx1g ") || !strings.Contains(line[4]+" ", " -Dhttps.proxyPort="+at.Port()+" ") || !strings.Contains(line[5], "-Dhttp.proxyHost=127.0.0.1 ") {
			t.Errorf("options of Java: %q, %q", line[4], line[5])
		}
		password, _ := at.User.Password()
		if shared := !MapsPaths(s); (want != "") != shared || (password != "") != shared {
			t.Errorf("the password is %q, and %q is insisted on", password, want)
		}
		if want != "" && want != (&sharedListener{password: password}).ProxyAuthorization() {
			t.Errorf("the password %q is not what is insisted on, %q", password, want)
		}
	})
}

func descriptors(t *testing.T) int {
	t.Helper()
	fds, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	return len(fds)
}
