package sandbox

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"autonoma/internal/sandbox/stage"
)

// wayOutPort is where a command with a network namespace of its own finds its
// way out: beyond what programs like to listen at, and below what the system
// gives out by itself.
const wayOutPort = 31280

// wayOut returns the port that the stage has to listen at, 0 for none.
func (c Command) wayOut() int {
	if c.Egress == nil {
		return 0
	}
	return wayOutPort
}

// openWayOut takes what the stage hands over for it, if it was told to, and serves
// that. The function it returns ends that. It is no error that the stage has
// something else to say: that is left for its end.
func (p process) openWayOut(control *os.File, egress func(net.Listener)) (end func(), err error) {
	if p.spec.WayOut == 0 && (p.inner == nil || p.inner.WayOut == 0) {
		return func() {}, nil
	}
	f, err := receiveFile(int(control.Fd()))
	if err != nil || f == nil {
		return func() {}, err
	}
	if p.serve != nil {
		if end, err = p.serve(f, egress); err != nil {
			f.Close()
			return func() {}, err
		}
		return end, nil
	}
	defer f.Close()
	l, err := net.FileListener(f)
	if err != nil {
		return func() {}, err
	}
	return serveWayOut(egress, l), nil
}

// serveWayOut calls egress with l. The function it returns closes l and waits for
// egress to return.
func serveWayOut(egress func(net.Listener), l net.Listener) (end func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		egress(l)
	}()
	return func() {
		l.Close()
		<-done
	}
}

// receiveFile waits for a stage to hand over a socket or filter. Nil without an error
// means that it has ended, or has failed and said so.
func receiveFile(control int) (*os.File, error) {
	var b [1]byte
	oob := make([]byte, unix.CmsgSpace(4))
	// What is no socket has to stay for whoever reads the result.
	n, err := again(func() (int, error) {
		n, _, err := unix.Recvfrom(control, b[:], unix.MSG_PEEK)
		return n, err
	})
	if err != nil || n == 0 || b[0] != stage.Listening {
		return nil, nil
	}
	var oobn int
	if _, err = again(func() (n int, err error) {
		n, oobn, _, _, err = unix.Recvmsg(control, b[:], oob, unix.MSG_CMSG_CLOEXEC)
		return n, err
	}); err != nil {
		return nil, os.NewSyscallError("recvmsg", err)
	}
	messages, err := unix.ParseSocketControlMessage(oob[:oobn])
	if err != nil || len(messages) != 1 {
		return nil, errors.Join(errors.New("the stage handed over nothing"), err)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		return nil, os.NewSyscallError("recvmsg", err)
	}
	return os.NewFile(uintptr(fds[0]), "way out"), nil
}

// again repeats a system call that a signal has interrupted.
func again(call func() (int, error)) (int, error) {
	for {
		if n, err := call(); !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}

// A sharedListener listens where others of the host can connect too: what they
// cannot have is the password, which stands in the address that the command gets.
type sharedListener struct {
	net.Listener
	password string
}

const wayOutUser = "sandbox"

func listenShared(ctx context.Context) (*sharedListener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	return &sharedListener{l, rand.Text()}, nil
}

// ProxyAuthorization is described at [Command.Egress].
func (l *sharedListener) ProxyAuthorization() string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(wayOutUser+":"+l.password))
}

func (l *sharedListener) port() int { return l.Addr().(*net.TCPAddr).Port }

func (l *sharedListener) url() *url.URL { return proxyURL(l.port(), l.password) }

// proxyURL is the address of a way out. It is the same machine's at all levels.
func proxyURL(port int, password string) *url.URL {
	u := &url.URL{Scheme: "http", Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(port))}
	if password != "" {
		u.User = url.UserPassword(wayOutUser, password)
	}
	return u
}

// proxied returns env with what leads programs to the proxy, in place of what
// stood there. The command's own servers are reached without it.
func proxied(env []string, proxy *url.URL) []string {
	const direct = "localhost,127.0.0.1,::1"
	at := proxy.String()
	vars := []string{"NODE_USE_ENV_PROXY=1"}
	for _, name := range []string{"http_proxy", "https_proxy", "all_proxy"} {
		vars = append(vars, name+"="+at, strings.ToUpper(name)+"="+at)
	}
	vars = append(vars, "no_proxy="+direct, "NO_PROXY="+direct,
		"CARGO_HTTP_PROXY="+at, "YARN_HTTP_PROXY="+at, "YARN_HTTPS_PROXY="+at)
	// Programs in Java know no such variables, but options, beside those that
	// the caller has for them.
	for _, name := range []string{"MAVEN_OPTS", "GRADLE_OPTS"} {
		options := javaOptions(proxy)
		if i := slices.IndexFunc(env, func(kv string) bool { return strings.HasPrefix(kv, name+"=") }); i >= 0 {
			options = env[i][len(name)+1:] + " " + options
		}
		vars = append(vars, name+"="+options)
	}
	return override(env, vars)
}

// javaOptions tells a Java program of a proxy, and the two generations of Maven
// that otherwise ask only their own settings to listen.
func javaOptions(proxy *url.URL) string {
	options := []string{"-Daether.connector.http.useSystemProperties=true", "-Daether.transport.apache.useSystemProperties=true"}
	for _, scheme := range []string{"http", "https"} {
		options = append(options, "-D"+scheme+".proxyHost="+proxy.Hostname(), "-D"+scheme+".proxyPort="+proxy.Port())
		if password, ok := proxy.User.Password(); ok {
			options = append(options, "-D"+scheme+".proxyUser="+proxy.User.Username(), "-D"+scheme+".proxyPassword="+password)
		}
	}
	return strings.Join(options, " ")
}
