using PointSystem.Api.Persistence;

var builder = WebApplication.CreateBuilder(args);
builder.AddPersistence();

var app = builder.Build();
if (args is [MigrateCommand.Verb, ..])
{
    return await MigrateCommand.RunAsync(app, CancellationToken.None);
}

app.MapGet("/health/live", () => "ok");
await app.RunAsync();
return 0;
