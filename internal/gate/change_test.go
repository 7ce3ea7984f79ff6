package gate_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"autonoma"
	"autonoma/internal/gate"
)

func asked(task string, documents ...string) func(*gate.Facts) {
	return func(f *gate.Facts) {
		f.Task, f.Scope = task, autonoma.Product
		for _, d := range documents {
			f.Documents = append(f.Documents, gate.Document{Step: "planning", Text: d})
		}
	}
}

const goTests = `-- pay.go --
package pay
-- pay_test.go --
package pay

import "testing"

func TestPay(t *testing.T) {
	if Pay(1) != 2 {
		t.Fatal("wrong")
	}
	if Pay(2) != 3 {
		t.Fatal("wrong again")
	}
}

func TestRefund(t *testing.T) {
	if Refund(1) != 0 {
		t.Error("wrong")
	}
}
`

func TestDiffScope(t *testing.T) {
	files := func(names ...string) string {
		var b strings.Builder
		for _, n := range names {
			b.WriteString("-- " + n + " --\nx\n")
		}
		return b.String()
	}
	far := files("a/x.go", "b/x.go", "c/x.go", "d/x.go", "e/x.go", "f/x.go", "g/x.go")
	var elsewhere string
	for i := range 11 {
		elsewhere += files(fmt.Sprintf("z%d/z.go", i))
	}
	renamed := func(name string) string {
		var b strings.Builder
		b.WriteString("-- pay/pay.go --\npackage pay\n\nfunc " + name + "() int { return 1 }\n")
		for i := range 12 {
			fmt.Fprintf(&b, "-- p%d/x.go --\npackage p\n\nvar _ = pay.%s()\n", i, name)
		}
		return b.String()
	}
	try(t, "diff_scope", gate.AtChange, []tried{
		{"nobody named files", "", far, asked("Mend it."), autonoma.GateSkipped, "nobody named files"},
		{"where the plan says", "", files("pay/pay.go", "pay/fee.go", "pay/pay_test.go", "README.md", "go.mod"), asked("Mend it.", "1. Change `pay/pay.go`."), autonoma.GatePassed, "all 5 files"},
		{"a few others", "", far, asked("Mend a/x.go and b/x.go and c/x.go."), autonoma.GatePassed, "files that nobody named: d/x.go"},
		{"too many others", "", far, asked("Mend it.", "Change ./a/x.go"), autonoma.GateFailed, "b/x.go; c/x.go; d/x.go; e/x.go; f/x.go; and 1 more"},
		{"who uses what has a new name", renamed("Fee"), renamed("Charge"), asked("Rename Fee in pay/pay.go to Charge."), autonoma.GatePassed, "all 13 files"},
		{"and no other goes along", renamed("Fee"), renamed("Charge") + elsewhere, asked("Rename Fee in pay/pay.go to Charge."), autonoma.GateFailed, "nobody named: z0/z.go"},
		{"a document that is named is no plan", "", far + files("README.md"), asked("Mend it as README.md says."), autonoma.GateSkipped, "nobody named files"},
		{"a plan of other files says nothing", "", far, asked("Mend it.", "Change z/y.go."), autonoma.GateSkipped, "nobody named files"},
	})
}

func TestWeakenedTests(t *testing.T) {
	without := func(old, now string) string {
		if !strings.Contains(goTests, old) {
			t.Fatalf("%q is not in the test", old)
		}
		return strings.ReplaceAll(goTests, old, now)
	}
	both := strings.Replace(goTests, "package pay\n", "package pay\n\nfunc Refund(n int) int { return 1 }\n", 1)
	_, text, _ := strings.Cut(goTests, "-- pay_test.go --\n")
	refund := goTests[strings.Index(goTests, "\nfunc TestRefund"):]
	py := "-- test_a.py --\nimport pytest\n\ndef test_one():\n    assert one() == 1\n\n\ndef test_two():\n    assert two() == 2\n"
	js := "-- a.test.js --\ndescribe('sum', () => {\n  it('adds', () => {\n    expect(add(1, 1)).toBe(2)\n  })\n  it('subtracts', () => {\n    expect(sub(1, 1)).toBe(0)\n  })\n})\n"
	short := "it('doubles', () => expect(twice(1)).toBe(2))\n"
	rust := "-- src/lib.rs --\nfn pay() {}\n\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn pays() {\n        assert_eq!(pay(), ());\n    }\n}\n"
	makefile := "-- Makefile --\nbuild:\n\tgo build\n\ntest: build\n\tgo test ./...\n"
	try(t, "diff_scope", gate.AtChange, []tried{
		{"a file of tests is deleted", goTests, "-- pay_test.go --\n", asked("Make it pass."), autonoma.GateFailed, "pay_test.go is deleted, and with it 2 tests"},
		{"the task names the file", goTests, "-- pay_test.go --\n", asked("Delete pay_test.go."), autonoma.GatePassed, ""},
		{"a test is gone", goTests, without(refund, ""), asked("Make it pass."), autonoma.GateFailed, "pay_test.go: the test TestRefund is gone"},
		{"the task names the test", goTests, without(refund, ""), asked("TestRefund is obsolete."), autonoma.GatePassed, ""},
		{"what it was about is to be removed", both, "-- pay.go --\npackage pay\n" + without(refund, ""), asked("Remove refunds."), autonoma.GatePassed, ""},
		{"what it was about was removed unasked", both, "-- pay.go --\npackage pay\n" + without(refund, ""), asked("Make it pass."), autonoma.GateFailed, "TestRefund is gone"},
		{"what it was about is still there", both, strings.Replace(both, refund, "", 1), asked("Remove the bug."), autonoma.GateFailed, "TestRefund is gone"},
		{"a test moved to another file", goTests, without(refund, "") + "-- refund_test.go --\npackage pay\n" + refund, asked("Sort the tests."), autonoma.GatePassed, ""},
		{"a test moved to another file and is skipped there", goTests, without(refund, "") + "-- refund_test.go --\npackage pay\n" + strings.Replace(refund, "{\n", "{\n\tt.Skip()\n", 1), asked("Sort the tests."), autonoma.GateFailed, "refund_test.go:3: skipped now: TestRefund"},
		{"a test has a new name and is skipped", goTests, strings.Replace(without("TestPay", "TestPayment"), "if Pay(1)", "t.Skip()\n\tif Pay(1)", 1), asked("Rename it."), autonoma.GateFailed, "pay_test.go:5: skipped now: TestPayment"},
		{"a test has a new name", goTests, without("TestPay", "TestPayment"), asked("Rename it."), autonoma.GatePassed, ""},
		{"another test stands in its place", goTests, without(refund, "\nfunc TestTrue(t *testing.T) {\n\tif false {\n\t\tt.Error(1)\n\t}\n}\n"), asked("Make it pass."), autonoma.GateFailed, "TestRefund is gone"},
		{"a test is skipped", goTests, without("if Pay(1)", "t.Skip(\"flaky\")\n\tif Pay(1)"), asked("Make it pass."), autonoma.GateFailed, "pay_test.go:5: skipped now: TestPay"},
		{"a test checks nothing", goTests, without("	if Refund(1) != 0 {\n\t\tt.Error(\"wrong\")\n\t}", "\t_ = Refund(1)"), asked("Make it pass."), autonoma.GateFailed, "TestRefund checks nothing any more"},
		{"a test checks less", goTests, without("	if Pay(2) != 3 {\n\t\tt.Fatal(\"wrong again\")\n\t}\n", ""), asked("Make it pass."), autonoma.GatePassed, ""},
		{"a test returns before it checks", goTests, without("if Refund(1)", "return\n\tif Refund(1)"), asked("Make it pass."), autonoma.GateFailed, "TestRefund checks nothing any more"},
		{"a test returns where there is nothing to check", goTests, without("if Refund(1)", "if testing.Short() {\n\t\treturn\n\t}\n\tif Refund(1)"), asked("Make it faster."), autonoma.GatePassed, ""},
		{"a file of tests is called otherwise", goTests, "-- pay_test.go --\n-- pay_test.go.off --\n" + text, asked("Make it pass."), autonoma.GateFailed, "pay_test.go: the test TestPay is gone"},
		{"a file of tests is for another system", goTests, "-- pay_test.go --\n-- pay_windows_test.go --\n" + text, asked("Make it pass."), autonoma.GateFailed, "the test TestPay is gone"},
		{"a file of tests is put aside", goTests, "-- pay_test.go --\n-- testdata/pay_test.go --\n" + text, asked("Make it pass."), autonoma.GateFailed, "the test TestPay is gone"},
		{"a file of tests is put elsewhere", goTests, "-- pay_test.go --\n-- pay/pay_test.go --\n" + text, asked("Sort the tests."), autonoma.GatePassed, ""},
		{"a file of tests wants a tag", goTests, "-- pay_test.go --\n//go:build slow\n\n" + text, asked("Make it pass."), autonoma.GateFailed, "pay_test.go:1: skipped now:"},
		{"no test is run", goTests, "-- main_test.go --\npackage pay\n\nfunc TestMain(m *testing.M) {}\n", asked("Make it pass."), autonoma.GateFailed, "main_test.go: TestMain runs no tests"},
		{"all tests are run", goTests, "-- main_test.go --\npackage pay\n\nfunc TestMain(m *testing.M) { m.Run() }\n", asked("Set it up."), autonoma.GatePassed, ""},
		{"python: true is true", py, strings.Replace(py, "assert two() == 2", "assert True", 1), asked("Make it pass."), autonoma.GateFailed, "test_two checks nothing any more"},
		{"javascript: true is true", js, strings.Replace(js, "expect(sub(1, 1)).toBe(0)", "expect(true).toBe(true)", 1), asked("Make it pass."), autonoma.GateFailed, "subtracts checks nothing any more"},
		{"new tests may be skipped", goTests, "-- slow_test.go --\npackage pay\n\nfunc TestSlow(t *testing.T) {\n\tt.Skip()\n}\n", asked("Add a test."), autonoma.GatePassed, ""},
		{"python: skipped", py, strings.Replace(py, "def test_two", "@pytest.mark.skip\ndef test_two", 1), asked("Make it pass."), autonoma.GateFailed, "skipped now: test_two"},
		{"python: returns before it checks", py, strings.Replace(py, "    assert two", "    return\n    assert two", 1), asked("Make it pass."), autonoma.GateFailed, "test_two checks nothing any more"},
		{"javascript: returns before it checks", js, strings.Replace(js, "    expect(sub", "    return\n    expect(sub", 1), asked("Make it pass."), autonoma.GateFailed, "subtracts checks nothing any more"},
		{"python: gone", py, "-- test_a.py --\nimport pytest\n\ndef test_one():\n    assert one() == 1\n", asked("Make it pass."), autonoma.GateFailed, "the test test_two is gone"},
		{"javascript: skipped", js, strings.Replace(js, "it('adds'", "it.skip('adds'", 1), asked("Make it pass."), autonoma.GateFailed, "skipped now: adds"},
		{"javascript: only one is run", js, strings.Replace(js, "it('adds'", "it.only('adds'", 1), asked("Make it pass."), autonoma.GateFailed, "skipped now: adds"},
		{"javascript: a short test has a new name", js, strings.Replace(js, "it('adds'", "it('adds numbers'", 1), asked("Say what they do."), autonoma.GatePassed, ""},
		{"javascript: a test of one line is gone", js + short, js, asked("Make it pass."), autonoma.GateFailed, "the test doubles is gone"},
		{"javascript: a test of one line has a new name", js + short, js + strings.Replace(short, "doubles", "makes two", 1), asked("Say what they do."), autonoma.GatePassed, ""},
		{"javascript: a group has a new name", js, strings.Replace(js, "describe('sum'", "describe('the sum'", 1), asked("Say what they do."), autonoma.GatePassed, ""},
		{"javascript: a group has a new name and is skipped", js, strings.Replace(js, "describe('sum'", "describe.skip('the sum'", 1), asked("Say what they do."), autonoma.GateFailed, "skipped now: the sum"},
		{"javascript: all are skipped", js, strings.Replace(js, "describe('sum'", "describe.skip('sum'", 1), asked("Make it pass."), autonoma.GateFailed, "skipped now: sum"},
		{"rust: ignored", rust, strings.Replace(rust, "    #[test]", "    #[test]\n    #[ignore]", 1), asked("Make it pass."), autonoma.GateFailed, "skipped now: pays"},
		{"rust: gone", rust, "-- src/lib.rs --\nfn pay() {}\n", asked("Make it pass."), autonoma.GateFailed, "the test pays is gone"},
		{"a target does nothing", makefile, strings.Replace(makefile, "\tgo test ./...", "\t@true", 1), asked("Make it pass."), autonoma.GateFailed, "Makefile: the target test runs nothing any more"},
		{"a target is gone", makefile, "-- Makefile --\nbuild:\n\tgo build\n", asked("Make it pass."), autonoma.GateFailed, "the target test runs nothing any more"},
		{"a target does it by another", makefile, "-- Makefile --\ntest: unit\nunit:\n\tgo test ./...\n", asked("Sort it."), autonoma.GatePassed, ""},
		{"a target does more", makefile, strings.Replace(makefile, "./...", "-race ./...", 1), asked("Find races."), autonoma.GatePassed, ""},
		{"the script of tests does nothing", `-- package.json --
{"scripts": {"test": "node --test"}}
`, `-- package.json --
{"scripts": {"test": "echo ok"}}
`, asked("Make it pass."), autonoma.GateFailed, "the script test runs no tests any more"},
	})
}

// Thousands of tests with new names are found again in the time that there is.
func TestManyRenamedTests(t *testing.T) {
	file := func(name string) string {
		var b strings.Builder
		b.WriteString("-- a_test.go --\npackage a\n")
		for i := range 6000 {
			fmt.Fprintf(&b, "\nfunc Test%s%d(t *testing.T) {\n\tif A(%d) != %d {\n\t\tt.Fatal(\"no\")\n\t}\n}\n", name, i, i, i*3)
		}
		return b.String()
	}
	f := facts(t, file("Old"), file("New"))
	began := time.Now()
	if g, _ := measured(t, "diff_scope", gate.AtChange, f); g.Status != autonoma.GatePassed {
		t.Errorf("%s: %s", g.Status, g.Message)
	}
	if took := time.Since(began); took > 20*time.Second { // each with each takes minutes
		t.Errorf("it takes %v", took)
	}
}

func TestDiffSize(t *testing.T) {
	try(t, "diff_size", gate.AtChange, []tried{
		{"small", "", "-- a.go --\na\nb\n", nil, autonoma.GatePassed, "2 lines in 1 files"},
		{"what programs write does not count", "", "-- go.sum --\n" + strings.Repeat("x\n", 2000) + "-- vendor/a/a.go --\n" + strings.Repeat("x\n", 2000), nil, autonoma.GatePassed, "0 lines"},
		{"large", "", "-- a.go --\n" + strings.Repeat("x\n", 1001), nil, autonoma.GateFailed, "1001 lines"},
	})
}

func TestGeneratedFiles(t *testing.T) {
	const made = "// Code generated by x. DO NOT EDIT.\npackage a\n"
	try(t, "generated_files", gate.AtChange, []tried{
		{"source", "", "-- a.go --\npackage a\n-- docs/a.png --\n\x00PNG\n", nil, autonoma.GatePassed, "no file"},
		{"what a build makes", "", "-- pkg/__pycache__/a.pyc --\nx\n", nil, autonoma.GateFailed, "pkg/__pycache__/a.pyc: lies in pkg/__pycache__"},
		{"a directory that the repository has", "-- dist/a.js --\nx\n", "-- dist/b.js --\nx\n", nil, autonoma.GatePassed, ""},
		{"a program", "", "-- tool --\n\x7fELF\x00\n", nil, autonoma.GateFailed, "tool: is not text"},
		{"of a kind that the repository has", "-- a.bin --\n\x00\n", "-- b.bin --\n\x00\x01\n", nil, autonoma.GatePassed, ""},
		{"minified", "", "-- a.min.js --\n" + strings.Repeat("x", 6000) + "\n", nil, autonoma.GateFailed, "is minified"},
		{"huge", "", "-- a.json --\n" + strings.Repeat("x\n", 600_000), nil, autonoma.GateFailed, "larger than 1 MiB"},
		{"changed by hand", "-- a.go --\n" + made, "-- a.go --\n" + made + "\nvar X = 1\n", nil, autonoma.GateFailed, "a program writes it"},
		{"changed with its source", "-- a.go --\n" + made + "-- a.proto --\nx\n", "-- a.go --\n" + made + "\nvar X = 1\n-- a.proto --\ny\n", nil, autonoma.GatePassed, ""},
	})
}

func TestReversibility(t *testing.T) {
	const both = "-- db/migrations/1.sql --\n-- +goose Up\nCREATE TABLE a (b int);\n-- +goose Down\nDROP TABLE a;\n"
	var many, gone strings.Builder
	for _, c := range "abcdefghijklmnopqrstuvwxyz" {
		many.WriteString("-- " + string(c) + " --\nx\n")
		gone.WriteString("-- " + string(c) + " --\n")
	}
	try(t, "reversibility", gate.AtChange, []tried{
		{"no migration", "", "-- a.sql --\nDROP TABLE a;\n", nil, autonoma.GatePassed, "nothing"},
		{"the way back may destroy", "", both, nil, autonoma.GatePassed, "nothing"},
		{"data is gone", "", "-- migrations/2.sql --\nALTER TABLE a DROP COLUMN b;\n", nil, autonoma.GateFailed, "migrations/2.sql:1: data is gone after `ALTER TABLE a DROP COLUMN b;`"},
		{"rows are gone", "", "-- migrations/2.sql --\nDELETE FROM users;\n", nil, autonoma.GateFailed, "data is gone"},
		{"some rows are", "", "-- migrations/2.sql --\nDELETE FROM users WHERE id = 1;\n", nil, autonoma.GatePassed, "nothing"},
		{"no way back", both, "-- db/migrations/2.sql --\n-- +goose Up\nCREATE TABLE c (b int);\n", nil, autonoma.GateFailed, "has no way back"},
		{"nobody has a way back", "-- migrations/1.sql --\nCREATE TABLE a (b int);\n", "-- migrations/2.sql --\nCREATE TABLE c (b int);\n", nil, autonoma.GatePassed, "nothing"},
		{"many deletions", many.String(), gone.String() + "-- keep --\nx\n", nil, autonoma.GateFailed, "25 files are deleted"},
	})
}

func TestComplianceCheck(t *testing.T) {
	const headed = "// SPDX-License-Identifier: MIT\npackage a\n"
	var all strings.Builder
	for _, c := range "abcdef" {
		all.WriteString("-- " + string(c) + ".go --\n" + headed)
	}
	try(t, "compliance_check", gate.AtChange, []tried{
		{"nothing of that", "-- LICENSE --\nMIT\n", "-- a.go --\npackage a\n", nil, autonoma.GatePassed, "no protected file"},
		{"the licence is changed", "-- LICENSE --\nMIT\n", "-- LICENSE --\nGPL\n", nil, autonoma.GateFailed, "LICENSE: is protected and was modified"},
		{"as the task says", "-- LICENSE --\nMIT\n", "-- LICENSE --\nGPL\n", func(f *gate.Facts) { f.Task = "Put the GPL into LICENSE." }, autonoma.GatePassed, ""},
		{"owners of a directory", "-- .github/CODEOWNERS --\n* @a\n", "-- .github/CODEOWNERS --\n", nil, autonoma.GateFailed, ".github/CODEOWNERS: is protected and was deleted"},
		{"a header is missing", all.String(), "-- z.go --\npackage a\n", nil, autonoma.GateFailed, "z.go: has no licence header, as other .go files have"},
		{"a header is gone", all.String(), "-- a.go --\npackage a\n", nil, autonoma.GateFailed, "a.go: its licence header is gone"},
		{"other kinds have none", all.String(), "-- z.py --\nx = 1\n", nil, autonoma.GatePassed, ""},
	})
}
