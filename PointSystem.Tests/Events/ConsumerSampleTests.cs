using System.Net;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using PointSystem.Tests.Api;
using PointSystem.Tests.Features;

namespace PointSystem.Tests.Events;

/// <summary>The programs of docs/events.md ("Consume events in ten lines") print every event once, also when they are killed and started again.</summary>
public sealed class ConsumerSampleTests(PointsDatabase server)
{
    [Fact]
    public Task Shell_OfTheDocument_Consumes()
    {
        Needs.Program("curl");
        return RunAsync("sh", "sample.sh", "sh", (_, path) => ["sh", path]);
    }

    [Fact]
    public Task Python_OfTheDocument_Consumes() => RunAsync("python", "sample.py", Needs.Program("python3"), (program, path) => [program, path]);

    [Fact]
    public Task CSharp_OfTheDocument_Consumes() => RunAsync("csharp", "sample.cs", "dotnet", (program, path) =>
    {
        var library = Compile(path);
        return [program, "exec", "--runtimeconfig", Path.Combine(AppContext.BaseDirectory, "PointSystem.Tests.runtimeconfig.json"), library];
    });

    private async Task RunAsync(string language, string name, string program, Func<string, string, string[]> commandLine)
    {
        await using var api = await ApiHost.StartAsync(await server.CreateOwnedAsync(Token));
        using var client = new PointsClient(api.Address, Tokens.Admin);
        var directory = Directory.CreateTempSubdirectory("pointsystem-sample-");
        try
        {
            var text = await File.ReadAllTextAsync(Path.Combine(BuildOutputs.Repository, "docs", "events.md"), Token);
            var path = Path.Combine(directory.FullName, name);
            await File.WriteAllTextAsync(path, text.Split($"```{language}\n")[1].Split("\n```")[0] + "\n", Token);
            var command = commandLine(program, path);
            var printed = new List<string>();
            foreach (var order in new[] { "first order", "second order" })
            {
                (await client.AccumulateAsync(1, 100)).Expect(HttpStatusCode.Created);
                (await client.UseAsync(1, order, 10)).Expect(HttpStatusCode.Created);
                await using var sample = ChildProcess.Start(
                    command[0],
                    command[1..],
                    new Dictionary<string, string?> { ["API"] = api.Address.ToString().TrimEnd('/'), ["TOKEN"] = Tokens.Admin },
                    directory: directory.FullName);
                await Eventually.HoldsAsync(
                    () => sample.Output.Contains(order, StringComparison.Ordinal) && File.Exists(Path.Combine(directory.FullName, "cursor")),
                    () => sample.Output);

                // The cursor is stored after the event is printed.
                await Eventually.HoldsAsync(
                    async () => (await client.GetAsync($"/api/events?after={await CursorAsync(directory)}")).Json["events"]?.AsArray().Count == 0,
                    () => sample.Output);
                printed.Add(sample.Output);
            }

            Assert.DoesNotContain("first order", printed[1], StringComparison.Ordinal);
            Assert.Equal(1, printed[1].Split("points.accumulated.v1").Length - 1);
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    // The program may be writing the file at this moment.
    private static async Task<string> CursorAsync(DirectoryInfo directory)
    {
        try
        {
            return (await File.ReadAllTextAsync(Path.Combine(directory.FullName, "cursor"), Token)).Trim();
        }
        catch (IOException)
        {
            return "";
        }
    }

    /// <summary>Compiles a program of one file, with the usings that such programs have by default.</summary>
    private static string Compile(string path)
    {
        const string Usings =
            """
            global using System; global using System.Collections.Generic; global using System.IO; global using System.Linq; global using System.Net.Http;
            global using System.Threading; global using System.Threading.Tasks;
            """;
        var references = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(reference => Path.GetFileName(reference).StartsWith("System.", StringComparison.Ordinal))
            .Select(reference => MetadataReference.CreateFromFile(reference));
        var compilation = CSharpCompilation.Create(
            "sample",
            [CSharpSyntaxTree.ParseText(File.ReadAllText(path), cancellationToken: Token), CSharpSyntaxTree.ParseText(Usings, cancellationToken: Token)],
            references,
            new CSharpCompilationOptions(OutputKind.ConsoleApplication, nullableContextOptions: NullableContextOptions.Enable));
        var library = Path.ChangeExtension(path, ".dll");
        var result = compilation.Emit(library, cancellationToken: Token);
        Assert.True(result.Success, string.Join('\n', result.Diagnostics));
        return library;
    }
}
