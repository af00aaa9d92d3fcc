using System.Data.Common;
using System.Reflection;
using System.Reflection.Emit;
using System.Text.RegularExpressions;
using PointSystem.Api.Ledger;
using PointSystem.Api.Persistence;

namespace PointSystem.Tests;

/// <summary>Which part of the API may know which other, by its compiled code, and by its sources for constants, which the compiler copies.</summary>
public sealed partial class NamespaceTests
{
    private const string Root = "PointSystem.Api.";

    private const BindingFlags Declared =
        BindingFlags.Instance | BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;

    // From the bottom to the top: each may know those named with it, and only such as stand above it in this list.
    private static readonly (string Part, string[] MayKnow)[] Parts =
    [
        ("Persistence", []),
        ("Configuration", ["Persistence"]),
        ("Caching", ["Persistence"]),
        ("Ledger", ["Persistence", "Configuration", "Caching"]),
        ("Jobs", ["Persistence", "Configuration", "Ledger"]),
        ("Health", ["Persistence"]),
        ("Http", ["Persistence", "Ledger"]),
        ("Security", ["Persistence", "Http"]),
        ("OpenApi", ["Persistence", "Ledger", "Http", "Security"]),
        ("Features", ["Persistence", "Configuration", "Caching", "Ledger", "Jobs", "Http", "Security", "OpenApi"]),
        ("Hosting", ["Persistence", "Configuration", "Caching", "Ledger", "Jobs", "Health", "Http", "Security", "OpenApi", "Features"]),
    ];

    private static readonly Dictionary<short, OpCode> OpCodesByValue = typeof(OpCodes).GetFields(BindingFlags.Public | BindingFlags.Static)
        .Select(field => (OpCode)field.GetValue(null)!).ToDictionary(code => code.Value);

    private static readonly Assembly Api = typeof(PointLedger).Assembly;

    [Fact]
    public void Parts_KnowOnlyWhatStandsBelowThem() => Assert.All(
        Parts, part => Assert.Subset(Parts.TakeWhile(other => other.Part != part.Part).Select(other => other.Part).ToHashSet(), part.MayKnow.ToHashSet()));

    [Fact]
    public void Code_KnowsOnlyWhatItMay() => AssertAllowed(
        from type in Api.GetTypes()
        where PartOf(type) is not null
        from used in UsedBy(type)
        where PartOf(used) is not null
        select (PartOf(type)!, PartOf(used)!, type.FullName!, used.FullName!));

    [Fact]
    public void Sources_NameOnlyWhatTheyMay()
    {
        var folder = Path.Combine(BuildOutputs.Repository, "PointSystem.Api");
        AssertAllowed(
            from part in Parts
            from file in Directory.EnumerateFiles(Path.Combine(folder, part.Part), "*.cs", SearchOption.AllDirectories)
            from named in OwnNamespace().Matches(File.ReadAllText(file))
            select (part.Part, named.Groups["part"].Value, Path.GetRelativePath(folder, file), named.Value));
    }

    [Fact]
    public void DatabaseErrors_Alone_ReadSqlStates()
    {
        var readers = from type in Api.GetTypes()
                      from member in MembersUsedBy(type)
                      where member.Name == "get_" + nameof(DbException.SqlState) && member.DeclaringType?.IsAssignableTo(typeof(DbException)) == true
                      select OutermostOf(type);

        Assert.Equal([typeof(DatabaseErrors)], readers.Distinct());
    }

    private static void AssertAllowed(IEnumerable<(string From, string To, string User, string Used)> uses)
    {
        var all = uses.Where(use => use.From != use.To).Distinct().ToList();
        Assert.NotEmpty(all);
        var forbidden = all.Where(use => !Parts.Single(part => part.Part == use.From).MayKnow.Contains(use.To)).Select(use => $"{use.User} knows {use.Used}");
        Assert.Equal("", string.Join(Environment.NewLine, forbidden));
    }

    private static string? PartOf(Type type) =>
        type.Assembly == Api && type.Namespace?.StartsWith(Root, StringComparison.Ordinal) == true ? type.Namespace[Root.Length..].Split('.')[0] : null;

    private static Type OutermostOf(Type type) => type.DeclaringType is { } outer ? OutermostOf(outer) : type;

    /// <summary>Every type that a type's declaration or its code names.</summary>
    private static IEnumerable<Type> UsedBy(Type type)
    {
        IEnumerable<Type?> direct =
        [
            type.BaseType,
            .. type.GetInterfaces(),
            .. type.GetGenericArguments().SelectMany(argument => argument.IsGenericParameter ? argument.GetGenericParameterConstraints() : []),
            .. AttributesOf(type),
            .. type.GetMembers(Declared).SelectMany(AttributesOf),
            .. type.GetFields(Declared).Select(field => field.FieldType),
            .. MethodsOf(type).SelectMany(SignatureOf),
            .. MethodsOf(type).SelectMany(LocalsOf),
            .. MembersUsedBy(type).SelectMany(TypesOf),
        ];
        return direct.OfType<Type>().SelectMany(Unwrap).Distinct();
    }

    private static IEnumerable<Type> AttributesOf(MemberInfo member) => member.GetCustomAttributesData().SelectMany(attribute =>
        attribute.ConstructorArguments.Concat(attribute.NamedArguments.Select(named => named.TypedValue)).Select(argument => argument.Value)
            .OfType<Type>().Append(attribute.AttributeType));

    private static IEnumerable<MethodBase> MethodsOf(Type type) => [.. type.GetMethods(Declared), .. type.GetConstructors(Declared)];

    private static IEnumerable<Type> SignatureOf(MethodBase method) =>
    [
        .. method.GetParameters().Select(parameter => parameter.ParameterType),
        .. method is MethodInfo { ReturnType: var returned } ? [returned] : Type.EmptyTypes,
        .. method.IsGenericMethod ? method.GetGenericArguments() : [],
    ];

    private static IEnumerable<Type> LocalsOf(MethodBase method) => method.GetMethodBody() is not { } body
        ? []
        : [
            .. body.LocalVariables.Select(local => local.LocalType),
            .. body.ExceptionHandlingClauses.Where(clause => clause.Flags == ExceptionHandlingClauseOptions.Clause)
                .Select(clause => clause.CatchType).OfType<Type>(),
        ];

    private static IEnumerable<Type?> TypesOf(MemberInfo member) => member switch
    {
        Type type => [type],
        FieldInfo field => [field.DeclaringType, field.FieldType],
        MethodBase method => [method.DeclaringType, .. SignatureOf(method)],
        _ => [],
    };

    /// <summary>The type without its array, reference or pointer, and the arguments of a generic one.</summary>
    private static IEnumerable<Type> Unwrap(Type type) =>
        type.HasElementType ? Unwrap(type.GetElementType()!)
        : type.IsGenericParameter ? []
        : type.IsGenericType ? [type, .. type.GetGenericArguments().SelectMany(Unwrap)]
        : [type];

    /// <summary>Every member and type that the code of a type names.</summary>
    private static IEnumerable<MemberInfo> MembersUsedBy(Type type)
    {
        foreach (var method in MethodsOf(type))
        {
            var code = method.GetMethodBody()?.GetILAsByteArray() ?? [];
            for (var at = 0; at < code.Length;)
            {
                var opCode = OpCodesByValue[code[at] == 0xFE ? (short)(0xFE00 | code[at + 1]) : code[at]];
                at += opCode.Size;
                if (opCode.OperandType is OperandType.InlineMethod or OperandType.InlineField or OperandType.InlineType or OperandType.InlineTok)
                {
                    var arguments = method is MethodInfo { IsGenericMethod: true } ? method.GetGenericArguments() : null;
                    yield return method.Module.ResolveMember(BitConverter.ToInt32(code, at), type.GetGenericArguments(), arguments)!;
                }

                at += OperandSize(opCode.OperandType, code, at);
            }
        }
    }

    private static int OperandSize(OperandType type, byte[] code, int at) => type switch
    {
        OperandType.InlineNone => 0,
        OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
        OperandType.InlineVar => 2,
        OperandType.InlineI8 or OperandType.InlineR => 8,
        OperandType.InlineSwitch => 4 + (4 * BitConverter.ToInt32(code, at)),
        _ => 4,
    };

    // A using, or the whole name of a type.
    [GeneratedRegex(@"(?<!namespace )\bPointSystem\.Api\.(?<part>\w+)")]
    private static partial Regex OwnNamespace();
}
