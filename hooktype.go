package autonoma

import (
	"encoding/json"
	"slices"
	"strings"
)

// A HookType names what hooks can be told of, as in task.completed.
type HookType string

const (
	// AllHookTypes stands for all types in the wishes of a hook, those to come
	// included.
	AllHookTypes HookType = "*"
	// PingHookType is what a hook is told to try it out. Nobody asks for it.
	PingHookType HookType = "webhook.ping"
)

// A hookSource makes something that hooks can be told of out of the events of one
// kind.
type hookSource struct {
	kind  EventKind
	types []HookType
	of    func(Run, Event) HookType // one of the types, or none
}

// hookSources is all that hooks can be told of. Where one event makes several
// types, they are told in this order.
var hookSources = []hookSource{
	{EventStatus, lifeTypes(), lifeType},
	{EventStatus, []HookType{"code.generated"}, func(r Run, _ Event) HookType {
		return when(r.Status == Completed && r.Output != nil && r.Output.HeadCommit != r.Output.BaseCommit, "code.generated")
	}},
	{EventResult, []HookType{"code.reviewed"}, func(_ Run, e Event) HookType {
		return when(dataOf[Result](e).Verdict != "", "code.reviewed")
	}},
	{EventApproval, []HookType{approvalType(ApprovalPending), approvalType(ApprovalApproved), approvalType(ApprovalRejected), approvalType(ApprovalExpired)}, func(_ Run, e Event) HookType {
		return approvalType(dataOf[ApprovalChanged](e).Status)
	}},
}

// resumed is what a run is called that goes on after it was parked.
const resumed = "resumed"

// lifeTypes are the types that tell of the life of a run, for each kind of runs.
func lifeTypes() []HookType {
	var types []HookType
	for _, k := range Kinds {
		for _, s := range Statuses {
			types = append(types, typeOf(k, statusName(s)))
		}
		types = append(types, typeOf(k, resumed))
	}
	return types
}

func lifeType(r Run, e Event) HookType {
	status := dataOf[StatusChanged](e).Status
	if status == InProgress && !r.StartedAt.Equal(e.At) {
		return typeOf(r.Kind, resumed)
	}
	return typeOf(r.Kind, statusName(status))
}

// statusName is what has happened to a run that comes to a status.
func statusName(s Status) string {
	if s == InProgress {
		return "started"
	}
	return string(s)
}

func typeOf(k Kind, happened string) HookType { return HookType(string(k) + "." + happened) }

func approvalType(s ApprovalStatus) HookType { return "approval." + HookType(s) }

// TellsDecision reports whether t tells of the end of a question.
func (t HookType) TellsDecision() bool {
	return strings.HasPrefix(string(t), "approval.") && t != approvalType(ApprovalPending)
}

// ApprovalOf returns which question an event tells of; empty if of none.
func ApprovalOf(e Event) ApprovalID {
	if e.Kind != EventApproval {
		return ""
	}
	return dataOf[ApprovalChanged](e).Approval
}

func when(is bool, t HookType) HookType {
	if is {
		return t
	}
	return ""
}

// dataOf reads the data of an event; the zero value if they are of another form.
func dataOf[T any](e Event) (v T) {
	_ = json.Unmarshal(e.Data, &v) // what is not there is not told of
	return v
}

// HookTypes returns all that hooks can be told of.
func HookTypes() []HookType {
	var all []HookType
	for _, s := range hookSources {
		all = append(all, s.types...)
	}
	return all
}

// HookTypesOf returns what hooks can be told of an event of a run, which is as the
// event left it.
func HookTypesOf(r Run, e Event) []HookType {
	var types []HookType
	for _, s := range hookSources {
		if s.kind != e.Kind {
			continue
		}
		if t := s.of(r, e); slices.Contains(s.types, t) {
			types = append(types, t)
		}
	}
	return types
}

// CallbackTypes are what the callback of a run is told of: its end.
func CallbackTypes(k Kind) []HookType {
	var types []HookType
	for _, s := range Statuses {
		if s.Final() {
			types = append(types, typeOf(k, statusName(s)))
		}
	}
	return types
}
