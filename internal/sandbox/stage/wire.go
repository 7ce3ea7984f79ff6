package stage

import "syscall"

// A Spec is all that a stage has to know. Strings must not contain NUL.
type Spec struct {
	UID, GID int // who to become in the new user namespace; -1 to stay
	Hostname string
	Loopback bool // bring up lo
	Ops      []Op
	Argv     []string
	Env      []string
	Dir      string
	Limits   []Rlimit
	Yield    bool     // let others, the watching server above all, have the processor first
	Writable []string // directories and files for Landlock to leave writable
	WayOut   int      // port of 127.0.0.1 to listen at and to hand over, see Listening; 0 for none
	Hand     int      // how many of the descriptors after Control to hand on, to be found from there on
	Forward  int      // port of 127.0.0.1 to listen at and to lead to the socket in OutDir; 0 for none

	// Alone: there are no namespaces, and nothing but rules keeps the command from
	// the host. It reads what is Readable and uses Devices, as far as they exist.
	Alone             bool
	Readable, Devices []string
}

// An Op is one step in making the root.
type Op struct {
	Kind   Kind
	Target string // absolute, in the new root
	Source string // Bind: path on the host, if FD is -1. Symlink: what it says. File: its content. Overlay: none
	FD     int    // Bind: descriptor of a detached mount, instead of Source; else -1
	Number uint64 // Dir, File: permissions. Tmpfs: bytes. Bind: 1 if writable, with devices if 2
	Maybe  bool   // Bind: leave it out if Source is missing
}

// A Kind says what an Op does.
type Kind uint64

// The kinds of Op.
const (
	Dir Kind = iota
	File
	Symlink
	Bind
	Tmpfs
	Proc
	Pts
	// OverlayLower and OverlayUpper are Binds to be put together by the Overlay
	// that follows them; Target is that of the Overlay.
	OverlayLower
	OverlayUpper
	Overlay
)

// The values of Number in a Bind.
const (
	BindReadOnly uint64 = iota
	BindWritable
	BindDevice
)

// An Rlimit is one of the process's resource limits.
type Rlimit struct {
	Resource int
	Value    uint64
}

// Encode writes s in the form that a stage reads: numbers as varints, strings
// and lists after their length.
func (s *Spec) Encode() []byte {
	var b buffer
	b.number(uint64(s.UID + 1))
	b.number(uint64(s.GID + 1))
	b.text(s.Hostname)
	b.flag(s.Loopback)
	b.number(uint64(len(s.Ops)))
	for _, op := range s.Ops {
		b.number(uint64(op.Kind))
		b.text(op.Target)
		b.text(op.Source)
		b.number(uint64(op.FD + 1))
		b.number(op.Number)
		b.flag(op.Maybe)
	}
	b.list(s.Argv)
	b.list(s.Env)
	b.text(s.Dir)
	b.number(uint64(len(s.Limits)))
	for _, l := range s.Limits {
		b.number(uint64(l.Resource))
		b.number(l.Value)
	}
	b.flag(s.Yield)
	b.list(s.Writable)
	b.number(uint64(s.WayOut))
	b.number(uint64(s.Hand))
	b.number(uint64(s.Forward))
	b.flag(s.Alone)
	b.list(s.Readable)
	b.list(s.Devices)
	n := len(b.b)
	head := []byte{byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24)}
	return append(head, b.b...)
}

// Decode reads what Encode wrote, without its first four bytes, which are the
// length of the rest. It reports false if there is anything wrong with it.
func Decode(p []byte) (*Spec, bool) {
	b := buffer{b: p}
	var s Spec
	s.UID = int(b.readNumber()) - 1
	s.GID = int(b.readNumber()) - 1
	s.Hostname = b.readText()
	s.Loopback = b.readNumber() != 0
	for range b.readLength() {
		s.Ops = append(s.Ops, Op{
			Kind:   Kind(b.readNumber()),
			Target: b.readText(),
			Source: b.readText(),
			FD:     int(b.readNumber()) - 1,
			Number: b.readNumber(),
			Maybe:  b.readNumber() != 0,
		})
	}
	s.Argv = b.readList()
	s.Env = b.readList()
	s.Dir = b.readText()
	for range b.readLength() {
		s.Limits = append(s.Limits, Rlimit{int(b.readNumber()), b.readNumber()})
	}
	s.Yield = b.readNumber() != 0
	s.Writable = b.readList()
	s.WayOut = int(b.readNumber())
	s.Hand = int(b.readNumber())
	s.Forward = int(b.readNumber())
	s.Alone = b.readNumber() != 0
	s.Readable = b.readList()
	s.Devices = b.readList()
	return &s, !b.bad && len(b.b) == 0
}

// A buffer is written at its end and read from its beginning.
type buffer struct {
	b   []byte
	bad bool
}

func (b *buffer) number(n uint64) {
	for ; n >= 0x80; n >>= 7 {
		b.b = append(b.b, byte(n)|0x80)
	}
	b.b = append(b.b, byte(n))
}

func (b *buffer) flag(v bool) {
	if v {
		b.number(1)
	} else {
		b.number(0)
	}
}

func (b *buffer) text(s string) {
	b.number(uint64(len(s)))
	b.b = append(b.b, s...)
}

func (b *buffer) list(l []string) {
	b.number(uint64(len(l)))
	for _, s := range l {
		b.text(s)
	}
}

func (b *buffer) readNumber() (n uint64) {
	for shift := 0; shift < 64 && len(b.b) > 0; shift += 7 {
		c := b.b[0]
		b.b = b.b[1:]
		n |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return n
		}
	}
	b.bad = true
	return 0
}

// readLength reads a length, which cannot be more than what there is to come.
func (b *buffer) readLength() uint64 {
	n := b.readNumber()
	if n > uint64(len(b.b)) {
		b.bad = true
		return 0
	}
	return n
}

func (b *buffer) readText() string {
	n := b.readLength()
	s := string(b.b[:n])
	b.b = b.b[n:]
	return s
}

func (b *buffer) readList() []string {
	n := b.readLength()
	l := make([]string, 0, n)
	for range n {
		l = append(l, b.readText())
	}
	return l
}

// receive reads a Spec from the control socket.
func receive(fd int) (*Spec, error) {
	var head [4]byte
	if err := readFull(fd, head[:]); err != nil {
		return nil, err
	}
	p := make([]byte, int(head[0])|int(head[1])<<8|int(head[2])<<16|int(head[3])<<24)
	if err := readFull(fd, p); err != nil {
		return nil, err
	}
	s, ok := Decode(p)
	if !ok || len(s.Argv) == 0 {
		return nil, syscall.EBADMSG
	}
	return s, nil
}

func readFull(fd int, p []byte) error {
	for len(p) > 0 {
		n, err := syscall.Read(fd, p)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		if n == 0 {
			return syscall.EPIPE
		}
		p = p[n:]
	}
	return nil
}
