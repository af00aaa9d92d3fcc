using System.Reflection;
using System.Runtime.Loader;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using NJsonSchema.CodeGeneration.CSharp;
using NSwag;
using NSwag.CodeGeneration.CSharp;
using NSwag.CodeGeneration.OperationNameGenerators;

namespace PointSystem.Tests.Api.TypedClient;

/// <summary>A C# client generated from an OpenAPI document, compiled together with the tour that uses it.</summary>
internal static class GeneratedClient
{
    private static readonly IReadOnlyList<MetadataReference> References =
    [
        .. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(path => Path.GetFileName(path) is var name
                && (name.StartsWith("System.", StringComparison.Ordinal) || name.StartsWith("xunit.v3.assert", StringComparison.Ordinal)))
            .Select(path => MetadataReference.CreateFromFile(path)),
    ];

    /// <summary>The client's source.</summary>
    public static async Task<string> GenerateAsync(string json, CancellationToken cancellationToken)
    {
        var document = await OpenApiDocument.FromJsonAsync(json, cancellationToken);
        foreach (var schema in document.Components.Schemas.Values)
        {
            // Otherwise each class has a dictionary for fields that it does not know.
            schema.AllowAdditionalProperties = false;
        }

        var settings = new CSharpClientGeneratorSettings
        {
            ClassName = "PointsApi",
            UseBaseUrl = false,
            GenerateOptionalParameters = true,
            OperationNameGenerator = new SingleClientFromOperationIdOperationNameGenerator(),
        };
        settings.CSharpGeneratorSettings.Namespace = "Generated";
        settings.CSharpGeneratorSettings.JsonLibrary = CSharpJsonLibrary.SystemTextJson;
        settings.CSharpGeneratorSettings.GenerateNullableReferenceTypes = true;
        settings.CSharpGeneratorSettings.GenerateOptionalPropertiesAsNullable = true;
        settings.CSharpGeneratorSettings.UseRequiredKeyword = true;
        return new CSharpClientGenerator(document, settings).GenerateFile();
    }

    /// <summary>Compiles the client and the tour.</summary>
    /// <returns>The tour, see Tour.cs.</returns>
    /// <exception cref="InvalidOperationException">They do not compile together; the message lists the compiler's errors.</exception>
    public static async Task<Func<HttpClient, HttpClient, long, long, Task>> CompileAsync(string client, CancellationToken cancellationToken)
    {
        using var resource = new StreamReader(typeof(GeneratedClient).Assembly.GetManifestResourceStream("Tour.cs")!);
        var tour = await resource.ReadToEndAsync(cancellationToken);
        var compilation = CSharpCompilation.Create(
            "Tour",
            [CSharpSyntaxTree.ParseText(client, cancellationToken: cancellationToken), CSharpSyntaxTree.ParseText(tour, cancellationToken: cancellationToken)],
            References,
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, nullableContextOptions: NullableContextOptions.Enable));
        using var assembly = new MemoryStream();
        var result = compilation.Emit(assembly, cancellationToken: cancellationToken);
        if (!result.Success)
        {
            throw new InvalidOperationException(string.Join('\n', result.Diagnostics.Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error)));
        }

        assembly.Position = 0;
        return new AssemblyLoadContext("Tour", isCollectible: true).LoadFromStream(assembly).GetType("Generated.Tour", throwOnError: true)!
            .GetMethod("RunAsync", BindingFlags.Public | BindingFlags.Static)!
            .CreateDelegate<Func<HttpClient, HttpClient, long, long, Task>>();
    }
}
