package gate_test

import (
	"testing"

	"autonoma"
	"autonoma/internal/gate"
)

const lib = "-- pay/pay.go --\npackage pay\n\n// Pay pays.\nfunc Pay(n int) int { return n }\n"

func TestPublicAPI(t *testing.T) {
	const other = "-- pay/pay.go --\npackage pay\n\n// Pay pays.\nfunc Pay(n int64) int { return int(n) }\n"
	try(t, "public_api", gate.AtChange, []tried{
		{"nothing that exports", lib, "-- a.txt --\nx\n", nil, autonoma.GateSkipped, "no file that exports something"},
		{"more", lib, lib + "\nfunc Refund(n int) int { return n }\n", nil, autonoma.GatePassed, "nothing that others use"},
		{"changed", lib, other, nil, autonoma.GateFailed, "pay/pay.go: Pay: "},
		{"gone", lib, "-- pay/pay.go --\npackage pay\n", nil, autonoma.GateFailed, "pay/pay.go: Pay: it is gone"},
		{"moved within its package", lib, "-- pay/pay.go --\n-- pay/other.go --\npackage pay\n\n// Pay pays.\nfunc Pay(n int) int { return n }\n", nil, autonoma.GatePassed, "nothing that others use"},
		{"the task asks for it", lib, other, func(f *gate.Facts) { f.Task = "Let Pay take an int64." }, autonoma.GatePassed, "nothing that others use"},
	})
}

func TestDocumentation(t *testing.T) {
	const noted = lib + "-- CHANGELOG.md --\n# Changes\n"
	more := lib + "\nfunc Refund(n int) int { return n }\n"
	try(t, "documentation", gate.AtChange, []tried{
		{"nobody keeps documents", lib, more, nil, autonoma.GateSkipped, "keeps no changelog and no documents"},
		{"nothing public", noted, lib + "\nfunc refund(n int) int { return n }\n", nil, autonoma.GatePassed, "nothing public was added"},
		{"without a word", noted, more, nil, autonoma.GateFailed, "pay/pay.go: Refund"},
		{"with one", noted, more + "-- CHANGELOG.md --\n# Changes\n\n- Refunds.\n", nil, autonoma.GatePassed, "1 public additions, and a document was changed along"},
		{"a flag", noted, "-- main.go --\npackage main\n\nvar dry = flag.Bool(\"dry-run\", false, \"pay nothing\")\n", nil, autonoma.GateFailed, "main.go:3: the flag dry-run"},
		{"a flag of python", noted, "-- main.py --\np.add_argument('--dry-run')\n", nil, autonoma.GateFailed, "main.py:1: the flag dry-run"},
		{"nothing that exports", noted, "-- a.txt --\nx\n", nil, autonoma.GateSkipped, "no file that exports something"},
	})
}
