package apidiff

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"strings"
)

// goExports adds what a file of Go exports: functions and methods with their types,
// types, fields of structs, methods of interfaces, constants and variables. Programs
// export nothing.
func goExports(file, text string, into api) error {
	f, err := parser.ParseFile(token.NewFileSet(), file, text, parser.SkipObjectResolution)
	if err != nil {
		return errors.New("it cannot be parsed")
	}
	if f.Name.Name == "main" {
		return nil
	}
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			goFunc(file, d, into)
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				goSpec(file, d.Tok, spec, into)
			}
		}
	}
	return nil
}

func goFunc(file string, d *ast.FuncDecl, into api) {
	name := d.Name.Name
	var free []*ast.Ident
	if d.Recv != nil && len(d.Recv.List) > 0 {
		owner, params := receiver(d.Recv.List[0].Type)
		if !ast.IsExported(owner) {
			return
		}
		name, free = owner+"."+name, params
	}
	if d.Name.IsExported() {
		constraints := generic(d.Type.TypeParams, free, d.Type)
		into[name] = symbol{path: file, kind: typeText(d.Type) + constraints}
	}
}

// generic calls type parameters by their number within nodes, for nobody depends on
// their names, and returns what is asked of them, "" if there are none.
func generic(list *ast.FieldList, free []*ast.Ident, nodes ...ast.Node) string {
	numbers := map[string]string{}
	note := func(n *ast.Ident) { numbers[n.Name] = fmt.Sprintf("T%d", len(numbers)) }
	for _, n := range free {
		note(n)
	}
	if list != nil {
		for _, f := range list.List {
			for _, n := range f.Names {
				note(n)
			}
		}
		nodes = append(nodes, list)
	}
	for _, n := range nodes {
		ast.Inspect(n, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok && numbers[id.Name] != "" {
				id.Name = numbers[id.Name]
			}
			_, qualified := n.(*ast.SelectorExpr)
			return !qualified
		})
	}
	if list == nil {
		return ""
	}
	var asked []string
	for _, f := range nameless(list).List {
		asked = append(asked, typeText(f.Type))
	}
	return " for " + strings.Join(asked, ", ")
}

// receiver returns the name of the type that a method belongs to, and its parameters.
func receiver(e ast.Expr) (string, []*ast.Ident) {
	var params []*ast.Ident
	for {
		switch t := e.(type) {
		case *ast.StarExpr:
			e = t.X
		case *ast.ParenExpr:
			e = t.X
		case *ast.IndexExpr:
			e, params = t.X, idents(t.Index)
		case *ast.IndexListExpr:
			e, params = t.X, idents(t.Indices...)
		case *ast.Ident:
			return t.Name, params
		default:
			return "", nil
		}
	}
}

func idents(all ...ast.Expr) []*ast.Ident {
	var ids []*ast.Ident
	for _, e := range all {
		if id, ok := e.(*ast.Ident); ok {
			ids = append(ids, id)
		}
	}
	return ids
}

func goSpec(file string, tok token.Token, spec ast.Spec, into api) {
	switch s := spec.(type) {
	case *ast.ValueSpec:
		kind := "a " + map[token.Token]string{token.CONST: "constant", token.VAR: "variable"}[tok]
		if s.Type != nil {
			kind += " of type " + typeText(s.Type)
		}
		for _, n := range s.Names {
			if n.IsExported() {
				into[n.Name] = symbol{path: file, kind: kind}
			}
		}
	case *ast.TypeSpec:
		if s.Name.IsExported() {
			goType(file, s, into)
		}
	}
}

func goType(file string, s *ast.TypeSpec, into api) {
	name, kind := s.Name.Name, "a type"
	if s.Assign.IsValid() {
		kind = "an alias"
	}
	kind += generic(s.TypeParams, nil, s.Type)
	switch t := s.Type.(type) {
	case *ast.StructType:
		kind += ", a struct"
		for n, f := range goFields(t.Fields) {
			into[name+"."+n] = symbol{path: file, kind: typeText(f)}
		}
	case *ast.InterfaceType:
		kind += ", an interface"
		sealed := false
		methods := goFields(t.Methods)
		for n := range methods {
			sealed = sealed || !ast.IsExported(strings.TrimPrefix(n, "embedded "))
		}
		for n, f := range methods {
			m := symbol{path: file, kind: typeText(f)}
			if !sealed {
				m.required = "it is new in an interface, so what implemented it does not any more"
			}
			into[name+"."+n] = m
		}
	default:
		kind += ", " + typeText(t)
	}
	into[name] = symbol{path: file, kind: kind}
}

// goFields returns the exported fields of a struct or methods of an interface by name;
// what is embedded is called by its type.
func goFields(list *ast.FieldList) map[string]ast.Expr {
	all := map[string]ast.Expr{}
	for _, f := range list.List {
		for _, n := range f.Names {
			if n.IsExported() {
				all[n.Name] = f.Type
			}
		}
		if len(f.Names) == 0 {
			all["embedded "+types.ExprString(f.Type)] = f.Type
		}
	}
	return all
}

// typeText spells a type without the names of parameters, which nobody depends on.
func typeText(e ast.Expr) string {
	ast.Inspect(e, func(n ast.Node) bool {
		if f, ok := n.(*ast.FuncType); ok {
			f.Params, f.Results = nameless(f.Params), nameless(f.Results)
		}
		return true
	})
	return types.ExprString(e)
}

// nameless returns a list with each type as often as it had names.
func nameless(list *ast.FieldList) *ast.FieldList {
	if list == nil {
		return nil
	}
	flat := &ast.FieldList{}
	for _, f := range list.List {
		for range max(1, len(f.Names)) {
			flat.List = append(flat.List, &ast.Field{Type: f.Type})
		}
	}
	return flat
}
